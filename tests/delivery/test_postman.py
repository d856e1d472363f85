from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from studio_worker_core.config import OutboxLimits
from studio_worker_core.delivery import Delivery, Settled
from studio_worker_core.delivery.decisions import LARGE_BYTES
from studio_worker_core.errors import HttpStatusError, TransportError
from studio_worker_core.outbox import Entry, Outbox
from studio_worker_core.wire.frames import CompleteJson

WAIT = 20.0


class Studio:
    """``/complete`` as the worker sees it; what each job's upload meets is set per job."""

    def __init__(self) -> None:
        self.got: list[str] = []
        self.attempts: list[str] = []
        self.faults: dict[str, Exception] = {}
        self.holding: set[str] = set()
        self.started = threading.Event()
        self.released = threading.Event()
        self.aborted = threading.Event()
        self.down = False

    def complete(self, entry: Entry, abort: Callable[[], bool]) -> None:
        self.attempts.append(entry.job_id)
        if self.down:
            raise TransportError("complete", "connection refused")
        fault = self.faults.get(entry.job_id)
        if fault is not None:
            raise fault
        if entry.job_id in self.holding:
            self.started.set()
            while not self.released.wait(0.005):
                if abort():
                    self.aborted.set()
                    raise TransportError("complete", "aborted")
        self.got.append(entry.job_id)


class FakeSession:
    def __init__(self, number: int) -> None:
        self.number = number
        self.frames: list[Any] = []
        self.sent = threading.Event()
        self.over = False

    def send(self, frame: Any, /) -> bool:
        if self.over:
            return False
        self.frames.append(frame)
        self.sent.set()
        return True


class Post:
    """One delivery with everything around it."""

    def __init__(self, outbox: Outbox) -> None:
        self.outbox = outbox
        self.studio = Studio()
        self.stop = threading.Event()
        self.settled: list[Settled] = []
        self.changed = threading.Condition()
        self.now = 0.0
        self.ours: bool | None = None
        self.delivery = self.new()

    def new(self, rescan_seconds: float = 3600.0) -> Delivery:
        return Delivery(
            self.outbox,
            self.studio.complete,
            self.stop,
            is_ours=lambda _job: self.ours,
            on_settled=self.on_settled,
            clock=lambda: self.now,
            rescan_seconds=rescan_seconds,
        )

    def on_settled(self, settled: Settled) -> None:
        with self.changed:
            self.settled.append(settled)
            self.changed.notify_all()

    def wait_settled(self, count: int = 1) -> list[tuple[str, str]]:
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.settled) >= count, WAIT)
            return [(s.entry.job_id, s.outcome) for s in self.settled]

    def wake(self, resumed: frozenset[str] = frozenset(), number: int = 9) -> FakeSession:
        session = FakeSession(number)
        self.delivery.on_welcome(session, True, resumed)
        return session


@pytest.fixture
def post(outbox: Outbox) -> Iterator[Post]:
    made = Post(outbox)
    yield made
    made.stop.set()
    assert made.delivery.join(WAIT)


def test_a_submitted_result_is_delivered_at_once(post: Post, results) -> None:
    post.delivery.start()
    post.delivery.submit(results.picture(post.outbox))
    assert post.wait_settled() == [("job-1", "delivered")]
    assert post.delivery.flush(WAIT)
    assert post.outbox.pending() == []
    assert post.delivery.pending_ids() == []


def test_what_was_left_is_delivered_oldest_first(post: Post, results) -> None:
    for job in ("a", "b", "c"):
        results.picture(post.outbox, job)
    post.delivery.start()
    post.wait_settled(3)
    assert post.studio.got == ["a", "b", "c"]


def test_unfinished_jobs_are_known_before_the_first_hello(post: Post, results) -> None:
    results.answer(post.outbox, "b")
    post.delivery.start()
    assert post.delivery.pending_ids() == ["b"]


def test_a_failing_result_never_blocks_the_others(post: Post, results) -> None:
    post.studio.faults["a"] = HttpStatusError("complete", 503, "busy")
    for job in ("a", "b", "c"):
        results.picture(post.outbox, job)
    post.delivery.start()
    post.wait_settled(2)
    assert not post.delivery.flush(WAIT)
    assert post.studio.got == ["b", "c"]
    assert post.studio.attempts == ["a", "b", "c"]
    (left,) = post.outbox.pending()
    assert left.manifest.attempts == 1
    assert "503" in (left.manifest.last_error or "")


def test_a_studio_that_is_down_for_an_hour_loses_nothing(post: Post, results) -> None:
    post.studio.down = True
    post.delivery.start()
    for number in range(5):
        post.delivery.submit(results.picture(post.outbox, f"job-{number}"))
    assert not post.delivery.flush(WAIT)
    while post.now < 3600:
        post.now += 300.0
        # A submit of what is there already changes nothing but wakes the thread.
        post.delivery.on_closed(FakeSession(99))
        assert not post.delivery.flush(WAIT)
    assert len(post.outbox.pending()) == 5
    assert 50 <= len(post.studio.attempts) <= 70
    post.studio.down = False
    post.wake()
    post.wait_settled(5)
    assert post.studio.got == [f"job-{number}" for number in range(5)]


def test_stop_aborts_an_upload_at_once_and_keeps_the_result(post: Post, results) -> None:
    post.studio.holding.add("job-1")
    post.delivery.start()
    post.delivery.submit(results.picture(post.outbox))
    assert post.studio.started.wait(WAIT)
    assert post.delivery.in_flight() == "job-1"
    post.stop.set()
    assert post.delivery.join(WAIT)
    assert post.studio.aborted.is_set()
    (left,) = post.outbox.pending()
    assert left.manifest.attempts == 0


@pytest.mark.parametrize(("status", "said"), [(409, "no longer holds"), (413, "too large")])
def test_a_final_refusal_is_kept_with_its_reason(
    post: Post, results, status: int, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    post.studio.faults["job-1"] = HttpStatusError("complete", status, "no")
    post.delivery.start()
    with caplog.at_level(logging.WARNING, "studio_worker.delivery"):
        post.delivery.submit(results.picture(post.outbox))
        assert post.wait_settled() == [("job-1", "refused")]
    (kept,) = post.outbox.refused()
    assert said in (post.settled[0].reason or "")
    assert kept.manifest.refused is not None
    assert kept.manifest.refused.status == status
    assert str(kept.directory) in caplog.text


def test_a_credentials_problem_keeps_the_result_until_a_welcome(post: Post, results) -> None:
    post.studio.faults["job-1"] = HttpStatusError("complete", 401, "who?")
    post.delivery.start()
    post.delivery.submit(results.picture(post.outbox))
    assert not post.delivery.flush(WAIT)
    del post.studio.faults["job-1"]
    post.wake()
    assert post.wait_settled() == [("job-1", "delivered")]


def test_a_bug_in_the_upload_does_not_stop_deliveries(
    post: Post, results, caplog: pytest.LogCaptureFixture
) -> None:
    post.studio.faults["a"] = ZeroDivisionError("oops")
    post.delivery.start()
    with caplog.at_level(logging.ERROR):
        post.delivery.submit(results.picture(post.outbox, "a"))
        post.delivery.submit(results.picture(post.outbox, "b"))
        assert post.wait_settled() == [("b", "delivered")]
    assert [entry.job_id for entry in post.outbox.pending()] == ["a"]
    assert "ZeroDivisionError" in caplog.text


def test_a_failing_observer_does_not_stop_deliveries(post: Post, results) -> None:
    def fail_once(settled: Settled) -> None:
        post.on_settled(settled)
        raise RuntimeError("observer")

    post.delivery = Delivery(post.outbox, post.studio.complete, post.stop, on_settled=fail_once)
    post.delivery.start()
    post.delivery.submit(results.picture(post.outbox, "a"))
    post.delivery.submit(results.picture(post.outbox, "b"))
    post.wait_settled(2)
    assert post.delivery.flush(WAIT)


def test_a_large_file_of_a_job_that_is_not_ours_is_not_sent(post: Post, results) -> None:
    post.ours = False
    post.delivery.start()
    post.delivery.submit(results.picture(post.outbox, "big", size=LARGE_BYTES + 1))
    post.delivery.submit(results.picture(post.outbox, "small"))
    post.wait_settled(2)
    assert post.studio.attempts == ["small"]
    assert [entry.job_id for entry in post.outbox.refused()] == ["big"]


def test_a_file_that_went_bad_is_set_aside(post: Post, results) -> None:
    entry = results.picture(post.outbox)
    post.delivery.start()
    assert post.delivery.flush(WAIT)
    bad = results.picture(post.outbox, "bad")
    bad.path.write_bytes(b"cut")
    post.delivery.submit(bad)
    assert post.delivery.flush(WAIT)
    assert post.studio.got == [entry.job_id]
    assert len(post.outbox.corrupt()) == 1
    assert post.outbox.pending() == []


def test_an_answer_goes_over_its_session_and_leaves_on_the_ack(post: Post, results) -> None:
    post.delivery.start()
    session = post.wake(number=1)
    post.delivery.submit(results.answer(post.outbox, session=1))
    assert session.sent.wait(WAIT)
    assert session.frames == [
        CompleteJson(job_id="chat-1", result={"answer": "chat-1"}, prompt="user: hello")
    ]
    assert post.delivery.in_flight() == "chat-1"
    assert len(post.outbox.pending()) == 1
    post.delivery.on_complete_ack("chat-1")
    assert post.wait_settled() == [("chat-1", "delivered")]
    assert post.delivery.in_flight() is None


def test_an_answer_is_not_held_up_by_a_long_upload(post: Post, results) -> None:
    post.studio.holding.add("film")
    post.delivery.start()
    session = post.wake(number=1)
    post.delivery.submit(results.picture(post.outbox, "film"))
    assert post.studio.started.wait(WAIT)
    post.delivery.submit(results.answer(post.outbox, session=1))
    assert session.sent.wait(WAIT)
    post.studio.released.set()
    post.wait_settled()


def test_an_unacknowledged_answer_goes_again_when_it_is_resumed(post: Post, results) -> None:
    post.delivery.start()
    first = post.wake(number=1)
    post.delivery.submit(results.answer(post.outbox, session=1))
    assert first.sent.wait(WAIT)
    post.delivery.on_closed(first)
    second = post.wake(frozenset({"chat-1"}), number=2)
    assert second.sent.wait(WAIT)
    assert second.frames == first.frames
    post.delivery.on_complete_ack("chat-1")
    assert post.wait_settled() == [("chat-1", "delivered")]


def test_an_answer_that_is_not_resumed_is_kept_but_not_sent(post: Post, results) -> None:
    post.delivery.start()
    post.delivery.submit(results.answer(post.outbox, session=1))
    session = post.wake(number=2)
    assert post.wait_settled() == [("chat-1", "refused")]
    assert session.frames == []
    assert [entry.job_id for entry in post.outbox.refused()] == ["chat-1"]


def test_a_studio_without_resume_resumes_nothing(post: Post, results) -> None:
    post.delivery.start()
    post.delivery.submit(results.answer(post.outbox, session=1))
    post.delivery.on_welcome(FakeSession(2), False, frozenset({"chat-1"}))
    assert post.wait_settled() == [("chat-1", "refused")]


def test_an_answer_that_the_session_did_not_take_is_kept(post: Post, results) -> None:
    post.delivery.start()
    session = post.wake(number=1)
    session.over = True
    post.delivery.submit(results.answer(post.outbox, session=1))
    assert not post.delivery.flush(WAIT)
    assert len(post.outbox.pending()) == 1


def test_a_prompt_too_long_for_the_frame_is_left_out(post: Post, results) -> None:
    post.delivery.start()
    session = post.wake(number=1)
    post.delivery.submit(results.answer(post.outbox, session=1, prompt="é" * 1_000_000))
    assert session.sent.wait(WAIT)
    assert session.frames[0].prompt is None


def test_a_result_retried_from_another_process_is_found(post: Post, results) -> None:
    post.delivery = post.new(rescan_seconds=0.0)
    kept = post.outbox.refuse(results.picture(post.outbox), "no", 409)
    post.delivery.start()
    Outbox(post.outbox.root, OutboxLimits).retry(kept)
    assert post.wait_settled() == [("job-1", "delivered")]


def test_a_result_purged_from_another_process_is_forgotten(post: Post, results) -> None:
    post.studio.down = True
    post.delivery.start()
    entry = results.picture(post.outbox)
    post.delivery.submit(entry)
    assert not post.delivery.flush(WAIT)
    Outbox(post.outbox.root, OutboxLimits).forget(entry)
    post.wake()
    assert post.delivery.flush(WAIT)
    assert post.delivery.pending_ids() == []
    assert post.settled == []


def test_flush_waits_for_what_is_on_its_way(post: Post, results) -> None:
    post.studio.holding.add("job-1")
    post.delivery.start()
    post.delivery.submit(results.picture(post.outbox))
    assert post.studio.started.wait(WAIT)
    assert not post.delivery.flush(0.05)
    post.studio.released.set()
    assert post.delivery.flush(WAIT)


def test_flush_before_anything_happened_returns_at_once(post: Post) -> None:
    post.delivery.start()
    assert post.delivery.flush(WAIT)
