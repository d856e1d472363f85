"""Job observers cannot hurt a job."""

from __future__ import annotations

import logging
import threading
import time

import pytest

from studio_worker_core.engines.observers import JobObservers, Observer
from studio_worker_core.plugin import JobEvent, TaskKind


def event(number: int = 0) -> JobEvent:
    return JobEvent("finished", f"job-{number}", "e", "m", TaskKind.IMAGE)


def test_every_observer_hears_every_event_in_order() -> None:
    heard: list[str] = []
    done = threading.Event()

    def deliver(what: JobEvent) -> None:
        heard.append(what.job_id)
        if len(heard) == 3:
            done.set()

    observers = JobObservers([Observer("p", deliver)])
    for number in range(3):
        observers(event(number))
    assert done.wait(10)
    assert heard == ["job-0", "job-1", "job-2"]


@pytest.mark.parametrize("error", [ValueError("no"), SystemExit(3), KeyboardInterrupt()])
def test_an_observer_that_raises_is_named_and_hears_the_next_event(
    error: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    heard = threading.Semaphore(0)

    def deliver(_: JobEvent) -> None:
        heard.release()
        raise error

    with caplog.at_level(logging.WARNING):
        observers = JobObservers([Observer("bad-plugin", deliver)])
        observers(event())
        observers(event())
        assert heard.acquire(timeout=10)
        assert heard.acquire(timeout=10)
    assert "bad-plugin" in caplog.text


def test_a_stuck_observer_holds_up_neither_the_caller_nor_another_observer() -> None:
    release, heard = threading.Event(), threading.Event()
    observers = JobObservers(
        [
            Observer("stuck", lambda _: release.wait(60)),
            Observer("good", lambda _: heard.set()),
        ]
    )
    started = time.monotonic()
    for number in range(1000):
        observers(event(number))
    assert time.monotonic() - started < 5
    assert heard.wait(10)
    release.set()
