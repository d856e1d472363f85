"""Taking crashing engines out of service, with the clock in our hands."""

from __future__ import annotations

from studio_worker_core.lanes.crash_loop import CrashLoop


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_three_crashes_in_a_row_take_an_engine_out_for_thirty_seconds() -> None:
    clock = Clock()
    loop = CrashLoop(clock)
    assert [loop.crashed("a") for _ in range(3)] == [None, None, 30.0]
    assert loop.withdrawn() == {"a"}
    clock.now += 29.9
    assert loop.withdrawn() == {"a"}
    clock.now += 0.2
    assert loop.withdrawn() == frozenset()


def test_the_pauses_grow_to_ten_minutes_and_no_further() -> None:
    clock = Clock()
    loop = CrashLoop(clock)
    loop.crashed("a")
    loop.crashed("a")
    pauses = []
    for _ in range(7):
        pauses.append(loop.crashed("a"))
        clock.now += 700
    assert pauses == [30, 60, 120, 240, 480, 600, 600]


def test_a_finished_job_clears_the_record() -> None:
    loop = CrashLoop(Clock())
    loop.crashed("a")
    loop.crashed("a")
    loop.finished("a")
    assert loop.crashed("a") is None


def test_one_engine_does_not_count_for_another() -> None:
    loop = CrashLoop(Clock())
    assert [loop.crashed(name) for name in "aabba"] == [None, None, None, None, 30.0]
    assert loop.withdrawn() == {"a"}


def test_the_first_pause_is_what_the_settings_say() -> None:
    loop = CrashLoop(Clock(), lambda: 5.0)
    assert [loop.crashed("a") for _ in range(4)] == [None, None, 5.0, 10.0]
