"""Threads that never die unnoticed."""

from __future__ import annotations

import threading

import pytest

from studio_worker_core.worker.threads import Threads


def test_what_a_thread_raises_stops_the_worker_and_is_raised_again() -> None:
    stop = threading.Event()
    threads = Threads(stop)

    def fail() -> None:
        raise ValueError("a bug")

    threads.start("jobs", fail)
    assert stop.wait(60)
    assert threads.join(60) == []
    with pytest.raises(ValueError, match="a bug"):
        threads.raise_failure()


def test_the_first_failure_is_the_one_that_counts() -> None:
    threads = Threads(threading.Event())
    for name in ("first", "second"):

        def fail(name: str = name) -> None:
            raise ValueError(name)

        threads.guard(fail)
    with pytest.raises(ValueError, match="first"):
        threads.raise_failure()


def test_a_thread_that_does_not_end_is_named() -> None:
    threads = Threads(threading.Event())
    release = threading.Event()
    threads.start("jobs", lambda: None)

    def wait() -> None:
        release.wait()

    threads.start("link", wait)
    assert threads.join(10, "jobs") == []
    assert threads.join(0.05) == ["link"]
    release.set()
    assert threads.join(60) == []
    threads.raise_failure()
