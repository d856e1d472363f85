"""Threads that never die unnoticed."""

from __future__ import annotations

import threading

import pytest

from studio_worker_core.worker.crew import Crew


def test_what_a_thread_raises_stops_the_worker_and_is_raised_again() -> None:
    stop = threading.Event()
    crew = Crew(stop)

    def fail() -> None:
        raise ValueError("a bug")

    crew.start("jobs", fail)
    assert stop.wait(10)
    assert crew.join(10) == []
    with pytest.raises(ValueError, match="a bug"):
        crew.raise_failure()


def test_the_first_failure_is_the_one_that_counts() -> None:
    crew = Crew(threading.Event())
    for name in ("first", "second"):

        def fail(name: str = name) -> None:
            raise ValueError(name)

        crew.guard(fail)
    with pytest.raises(ValueError, match="first"):
        crew.raise_failure()


def test_a_thread_that_does_not_end_is_named() -> None:
    crew = Crew(threading.Event())
    release = threading.Event()
    crew.start("jobs", lambda: None)

    def wait() -> None:
        release.wait()

    crew.start("link", wait)
    assert crew.join(10, "jobs") == []
    assert crew.join(0.05) == ["link"]
    release.set()
    assert crew.join(10) == []
    crew.raise_failure()
