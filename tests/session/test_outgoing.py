"""The queue of frames to send and the pace of progress reports."""

from __future__ import annotations

import itertools
import math
import threading
import time

from hypothesis import given
from hypothesis import strategies as st

from studio_worker_core.session.outgoing import Outgoing, ProgressPace
from studio_worker_core.wire.frames import LogEntry, Progress


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def shown(frame: Progress) -> str:
    return f"{frame.job_id} {frame.fraction}"


def queue(clock: Clock | None = None, max_frames: int = 1024, max_chars: int = 1000) -> Outgoing:
    return Outgoing(
        shown,
        clock=clock or Clock(),
        progress_interval=0.5,
        max_frames=max_frames,
        max_chars=max_chars,
    )


def entry(message: str) -> LogEntry:
    return LogEntry("now", "info", "test", message)


def test_frames_come_out_in_order_and_none_after_the_end() -> None:
    outgoing = queue()
    assert outgoing.put("a")
    assert outgoing.put("b")
    outgoing.finish()
    assert [outgoing.take(), outgoing.take(), outgoing.take()] == ["a", "b", None]
    assert not outgoing.put("c")
    assert not outgoing.put_progress(Progress("j", 0.5))


def test_it_is_bounded_in_frames_and_in_characters() -> None:
    outgoing = queue(max_frames=2)
    assert [outgoing.put("x") for _ in range(3)] == [True, True, False]
    outgoing = queue(max_chars=10)
    assert outgoing.put("x" * 100), "one long frame must always fit"
    assert not outgoing.put("y")
    assert outgoing.take() == "x" * 100
    assert outgoing.put("y")


def test_it_is_idle_only_when_the_last_frame_was_sent() -> None:
    outgoing = queue()
    assert outgoing.wait_idle(0)
    outgoing.put("a")
    assert not outgoing.wait_idle(0)
    outgoing.take()
    assert not outgoing.is_idle
    asking = threading.Thread(target=outgoing.take)
    asking.start()
    assert outgoing.wait_idle(10)
    outgoing.finish()
    asking.join(60)


def test_log_entries_of_unsent_frames_come_back_in_order() -> None:
    outgoing = queue()
    outgoing.put("sent", logs=[entry("sent")])
    outgoing.put("in hand", logs=[entry("1"), entry("2")])
    outgoing.put("other")
    outgoing.put("queued", logs=[entry("3")])
    outgoing.take()
    outgoing.take()
    assert [each.message for each in outgoing.abandon()] == ["1", "2", "3"]
    assert outgoing.abandon() == []
    assert outgoing.take() is None


def test_a_failed_writer_ends_every_wait() -> None:
    outgoing = queue()
    outgoing.put("a", logs=[entry("1")])
    outgoing.take()
    outgoing.writer_failed()
    assert not outgoing.wait_idle(10)
    assert not outgoing.put("b")
    assert [each.message for each in outgoing.abandon()] == ["1"]


def test_progress_waits_for_its_turn_behind_other_frames_and_dies_with_its_job() -> None:
    clock = Clock()
    outgoing = queue(clock)
    outgoing.put_progress(Progress("j", 0.1))
    outgoing.put("accept")
    assert outgoing.take() == "accept"
    assert outgoing.take() == "j 0.1"
    outgoing.put_progress(Progress("j", 0.2))
    outgoing.put("fail", ends_job="j")
    clock.now = 10
    assert outgoing.take() == "fail"
    outgoing.finish()
    assert outgoing.take() is None


def test_a_waiting_writer_wakes_when_progress_is_due() -> None:
    outgoing = Outgoing(shown, clock=time.monotonic, progress_interval=0.02)
    outgoing.put_progress(Progress("j", 0.1))
    assert outgoing.take() == "j 0.1"
    outgoing.put_progress(Progress("j", 0.2))
    assert outgoing.take() == "j 0.2"


fractions = st.one_of(st.floats(0, 1), st.sampled_from([math.nan, math.inf, -math.inf, -1.0, 7.0]))


@given(
    st.lists(
        st.tuples(st.sampled_from(["a", "b"]), fractions, st.floats(0, 1)),
        max_size=60,
    )
)
def test_progress_is_never_faster_than_its_pace_and_never_goes_back(
    reports: list[tuple[str, float, float]],
) -> None:
    pace = ProgressPace(0.5)
    now = 0.0
    sent: dict[str, list[tuple[float, float]]] = {"a": [], "b": []}
    for job_id, fraction, pause in reports:
        now += pause
        pace.offer(Progress(job_id, fraction))
        while (frame := pace.take(now)) is not None:
            sent[frame.job_id].append((now, frame.fraction))
    for times in sent.values():
        for (earlier, low), (later, high) in itertools.pairwise(times):
            assert later - earlier >= 0.5
            assert low <= high
        assert all(0 <= fraction <= 1 for _, fraction in times)


def test_the_newest_report_is_the_one_that_is_sent() -> None:
    pace = ProgressPace(0.5)
    pace.offer(Progress("j", 0.1))
    assert pace.take(0.0) == Progress("j", 0.1)
    pace.offer(Progress("j", 0.2))
    pace.offer(Progress("j", 0.3, "newest"))
    assert pace.take(0.4) is None
    assert pace.due_at() == 0.5
    assert pace.take(0.5) == Progress("j", 0.3, "newest")
    assert pace.due_at() is None


def test_jobs_that_never_end_are_forgotten_in_the_end() -> None:
    pace = ProgressPace(0.5)
    for number in range(1000):
        pace.offer(Progress(f"job-{number}", 0.5))
    taken = 0
    while pace.take(0.0) is not None:
        taken += 1
    assert taken < 100
