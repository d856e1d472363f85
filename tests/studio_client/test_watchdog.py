"""The time limits of calls: one thread for all of them, which bites when it is time."""

from __future__ import annotations

import threading

from studio_worker_core.studio_client.watchdog import Watchdog
from tests.support.waiting import eventually

LONG = 3600.0


class Bitten:
    """Counts, and remembers the thread that did it."""

    def __init__(self) -> None:
        self.times = 0
        self.thread: threading.Thread | None = None
        self.once = threading.Event()

    def __call__(self) -> None:
        self.times += 1
        self.thread = threading.current_thread()
        self.once.set()


def watching() -> list[threading.Thread]:
    return [each for each in threading.enumerate() if each.name == "call-limit"]


def test_it_bites_when_the_time_is_over_and_once() -> None:
    bitten = Bitten()
    dog = Watchdog(bitten)
    dog.begin(0.01)
    assert bitten.once.wait(60)
    assert dog.bitten
    assert bitten.thread is not None
    bitten.thread.join(60)
    assert not bitten.thread.is_alive(), "nobody needs it any more"
    assert bitten.times == 1


def test_less_time_than_was_left_counts_at_once() -> None:
    bitten = Bitten()
    dog = Watchdog(bitten)
    dog.begin(LONG)
    dog.arm(0.01)
    assert bitten.once.wait(60)


def test_one_thread_serves_one_call_after_another_and_ends_when_it_is_closed() -> None:
    before = set(watching())
    bitten = Bitten()
    dog = Watchdog(bitten)
    for _ in range(50):
        dog.begin(LONG)
        dog.rest()
    (thread,) = set(watching()) - before
    dog.close()
    thread.join(60)
    assert not thread.is_alive()
    assert (bitten.times, dog.bitten) == (0, False)


def test_a_call_after_one_that_was_bitten_starts_afresh() -> None:
    bitten = Bitten()
    dog = Watchdog(bitten)
    dog.begin(0.01)
    assert bitten.once.wait(60)
    dog.begin(LONG)
    assert not dog.bitten
    dog.close()
    eventually("it ended", lambda: bitten.thread is not None and not bitten.thread.is_alive())
