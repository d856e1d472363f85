"""A disk that is slow, full or gone costs entries of the journal, and never a job."""

from __future__ import annotations

import logging
import os
import sqlite3
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from studio_worker_core.jobs.listener import Failure
from studio_worker_core.journal import writer
from studio_worker_core.journal.reader import JournalReader
from studio_worker_core.journal.writing import ENDED_WITH_WORKER
from studio_worker_core.lanes.live import Inspection
from studio_worker_core.wire.tasks import ImageTask
from tests.journal.conftest import EVERY, LOG, PNG, WAIT, JournalledWorker, warnings
from tests.support.small_disk import SmallDisk
from tests.support.waiting import eventually


def is_whole(path: Path) -> bool:
    with sqlite3.connect(path) as connection:
        found = connection.execute("PRAGMA integrity_check").fetchone()
    connection.close()
    return bool(found == ("ok",))


@pytest.fixture
def small(tmp_path: Path) -> Iterator[SmallDisk]:
    if sys.platform != "linux":
        pytest.skip("a small disk is mounted as tmpfs, which is Linux")
    disk = SmallDisk(tmp_path / "small")
    if not disk.mount(1024):
        pytest.skip("this account may not mount a tmpfs")
    yield disk
    disk.unmount()


def test_a_file_that_somebody_holds_delays_no_job(
    worker: JournalledWorker, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(writer, "MOST_WAITING", 50)
    worker.done("before")
    worker.journal.settle(WAIT)
    other = worker.other()
    other.execute("BEGIN IMMEDIATE")
    for number in range(100):  # the disk takes none of it, and each call comes back
        worker.done(f"job-{number}")
    other.execute("ROLLBACK")
    other.close()
    worker.journal.settle(WAIT)
    worker.done("after")
    assert worker.facts("after").status == "completed"
    found = {facts.job_id for facts in worker.reader.page(EVERY)}
    assert {"before", "after"} < found
    assert len(found) < 102
    said = eventually("the loss is told", lambda: warnings(caplog))
    assert "entries are lost" in said[-1]
    assert len(said) <= 2


def test_a_disk_that_cannot_be_written_is_told_once_and_used_again_when_it_can(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "_PAUSE_SECONDS", 0.01)
    worker = JournalledWorker(tmp_path)
    worker.path.parent.write_text("a file where the directory should be")
    worker.journal.start()
    for number in range(5):
        worker.done(f"job-{number}")
        assert worker.journal.settle(WAIT)
    assert len(warnings(caplog)) == 1
    assert "jobs go on without it" in warnings(caplog)[0]
    worker.path.parent.unlink()
    worker.done("after")
    assert [facts.job_id for facts in worker.reader.page()] == ["after"]
    assert worker.journal.close(WAIT)
    assert len(warnings(caplog)) == 2
    assert "the job journal is written again" in warnings(caplog)[1]


def test_a_full_disk_costs_entries_and_leaves_the_file_whole(
    small: SmallDisk, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "_PAUSE_SECONDS", 0.01)
    worker = JournalledWorker(small.path)
    worker.journal.start()
    worker.done("before")
    assert worker.journal.settle(WAIT)
    ballast = small.fill()
    for number in range(20):
        job = worker.begun(f"job-{number}", ImageTask(prompt="p" * 3000))
        worker.journal.inspected(job, Inspection(thumbnail=os.urandom(50_000)))
        worker.journal.failed(job, Failure("no room", True))
        assert worker.journal.settle(WAIT)
    assert any("cannot be written" in line for line in warnings(caplog))
    ballast.unlink()
    worker.done("after")
    assert worker.facts("after").status == "completed"
    assert worker.facts("before").status == "completed"
    assert worker.journal.close(WAIT)
    assert is_whole(worker.path)


def test_jobs_that_ran_when_an_earlier_worker_ended_are_shown_as_failed(
    worker: JournalledWorker, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "studio_worker")
    worker.begun("job-1")
    worker.done("job-2")
    worker.now += 5
    with_line = worker.begun("job-3")
    LOG.info("half of it", extra={"job_id": with_line.job_id})
    assert worker.journal.settle(WAIT)
    without_worker = JournalReader(worker.path, has_worker=lambda: False)
    found = {facts.job_id: facts for facts in without_worker.page()}
    assert [found[f"job-{n}"].status for n in (1, 2, 3)] == ["failed", "completed", "failed"]
    assert worker.facts("job-1").status == "running", "its worker is there"
    worker.restart()
    worker.begun("job-4")
    assert worker.facts("job-4").status == "running"
    for job_id in ("job-1", "job-3"):
        facts = worker.facts(job_id)
        assert (facts.status, facts.reason) == ("failed", ENDED_WITH_WORKER)
        assert facts.finished is not None
        assert facts.started is not None
        assert facts.finished >= facts.started
    assert worker.facts("job-2").status == "completed"


def test_many_threads_are_heard_at_once(worker: JournalledWorker) -> None:
    def work(name: int) -> None:
        for number in range(20):
            job = worker.begun(f"job-{name}-{number}")
            LOG.warning("a line", extra={"job_id": job.job_id})
            worker.journal.inspected(job, Inspection(thumbnail=PNG))
            worker.journal.failed(job, Failure("no", False))

    threads = [threading.Thread(target=work, args=(name,)) for name in range(6)]
    for thread in threads:
        thread.start()
    for _ in range(20):
        worker.reader.page()
    for thread in threads:
        thread.join(WAIT)
    found = worker.reader.page(EVERY)
    assert len(found) == len({facts.number for facts in found}) == 120
    assert {facts.status for facts in found} == {"failed"}
    assert {facts.lines for facts in found} == {1}


def test_the_end_does_not_wait_for_a_disk_longer_than_it_is_told_to(
    worker: JournalledWorker,
) -> None:
    worker.done("before")
    worker.journal.settle(WAIT)
    other = worker.other()
    other.execute("BEGIN IMMEDIATE")
    worker.done("after")
    began = time.monotonic()
    assert not worker.journal.close(0.01)
    assert time.monotonic() - began < WAIT
    other.execute("ROLLBACK")
    other.close()
