"""Answers from memory, whatever the thing that is asked does."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator

import pytest

from studio_worker_core.errors import OutboxError
from studio_worker_core.worker.last_known import LastKnown
from tests.support.waiting import eventually


class Disk:
    """A thing to ask that hangs when the test says so."""

    def __init__(self) -> None:
        self.answer = 1
        self.fault: Exception | None = None
        self.asked = 0
        self.waiting = False
        self.now = 0.0
        self.works = threading.Event()
        self.works.set()
        self._threads: list[tuple[LastKnown[int], threading.Thread]] = []

    def ask(self) -> int:
        self.asked += 1
        if not self.works.is_set():
            self.waiting = True
            assert self.works.wait(60)
        if self.fault is not None:
            raise self.fault
        return self.answer

    def known(self, every: float | None = 0.01) -> LastKnown[int]:
        known = LastKnown("the disk", self.ask, 0, every=every, clock=lambda: self.now)
        thread = threading.Thread(target=known.run)
        self._threads.append((known, thread))
        thread.start()
        return known

    def close(self) -> None:
        self.works.set()
        for known, thread in self._threads:
            known.end()
            thread.join(60)
            assert not thread.is_alive()


@pytest.fixture
def disk() -> Iterator[Disk]:
    disk = Disk()
    yield disk
    disk.close()


def test_a_thread_keeps_the_answer_up_to_date(disk: Disk) -> None:
    known = disk.known()
    eventually("the first answer", lambda: known() == 1)
    disk.answer = 2
    eventually("the second answer", lambda: known() == 2)


def test_one_that_hangs_leaves_the_last_answer_and_is_told_once(
    disk: Disk, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "studio_worker.worker")
    known = disk.known()
    eventually("the first answer", lambda: known() == 1)
    disk.works.clear()
    disk.answer = 2
    eventually("it is being asked", lambda: disk.waiting)
    assert known() == 1
    assert caplog.messages == []
    disk.now += 10.0
    assert [known(), known(), known()] == [1, 1, 1]
    assert caplog.messages == ["the disk has not answered for 10 s; what it said before stands"]
    disk.works.set()
    eventually("the second answer", lambda: known() == 2)
    eventually("it is said", lambda: caplog.messages[1:] == ["the disk answers again"])


def test_one_that_cannot_be_asked_leaves_the_last_answer_and_is_told_once(
    disk: Disk, caplog: pytest.LogCaptureFixture
) -> None:
    known = disk.known()
    eventually("the first answer", lambda: known() == 1)
    disk.fault = OutboxError("the outbox cannot be read")
    eventually("it is told", lambda: caplog.messages)
    asked = disk.asked
    eventually("it is asked on", lambda: disk.asked > asked + 3)
    assert known() == 1
    assert len(caplog.messages) == 1
    disk.fault, disk.answer = None, 3
    eventually("it is well again", lambda: known() == 3)


def test_a_fresh_answer_is_waited_for_within_bounds(disk: Disk) -> None:
    known = disk.known(every=None)
    assert known() == 0
    assert known.fresh(30) == 1
    disk.answer = 2
    assert known() == 1, "it is only asked when somebody wants to know"
    assert known.fresh(30) == 2
    disk.works.clear()
    disk.answer = 3
    assert known.fresh(0.05) == 2
    disk.now += 10.0
    assert known() == 2
    assert known.fresh(3600) == 2, "one that is known to be stuck is not waited for"
    disk.works.set()
    eventually("it answers again", lambda: known.fresh(0.05) == 3)
