from __future__ import annotations

from typing import Any

import pytest

from studio_worker_core.errors import OutboxError, WireError
from studio_worker_core.outbox import Entry
from studio_worker_core.wire.frames import CompleteJson

WAIT = 20.0


def test_an_answer_goes_over_its_session_and_leaves_on_the_ack(post: Any, results: Any) -> None:
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


def test_an_answer_is_not_held_up_by_a_long_upload(post: Any, results: Any) -> None:
    post.studio.holding.add("film")
    post.delivery.start()
    session = post.wake(number=1)
    post.delivery.submit(results.picture(post.outbox, "film"))
    assert post.studio.started.wait(WAIT)
    post.delivery.submit(results.answer(post.outbox, session=1))
    assert session.sent.wait(WAIT)
    post.studio.released.set()
    post.wait_settled()


def test_an_unacknowledged_answer_goes_again_when_it_is_resumed(post: Any, results: Any) -> None:
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


def test_an_answer_that_is_not_resumed_is_kept_but_not_sent(post: Any, results: Any) -> None:
    post.delivery.start()
    post.delivery.submit(results.answer(post.outbox, session=1))
    session = post.wake(number=2)
    assert post.wait_settled() == [("chat-1", "refused")]
    assert session.frames == []
    assert [entry.job_id for entry in post.outbox.refused()] == ["chat-1"]


def test_a_studio_without_resume_resumes_nothing(post: Any, results: Any) -> None:
    post.delivery.start()
    post.delivery.submit(results.answer(post.outbox, session=1))
    post.delivery.on_welcome(post.session(2), False, frozenset({"chat-1"}))
    assert post.wait_settled() == [("chat-1", "refused")]


def test_an_answer_that_the_session_did_not_take_is_kept(post: Any, results: Any) -> None:
    post.delivery.start()
    session = post.wake(number=1)
    session.over = True
    post.delivery.submit(results.answer(post.outbox, session=1))
    assert not post.delivery.flush(WAIT)
    assert len(post.outbox.pending()) == 1


def test_a_prompt_too_long_for_the_frame_is_left_out(post: Any, results: Any) -> None:
    post.delivery.start()
    session = post.wake(number=1)
    post.delivery.submit(results.answer(post.outbox, session=1, prompt="é" * 1_000_000))
    assert session.sent.wait(WAIT)
    assert session.frames[0].prompt is None


def test_an_answer_too_long_for_any_session_is_refused_with_the_reason(
    post: Any, results: Any
) -> None:
    def too_long(_frame: object) -> bool:
        raise WireError("CompleteJson", "longer than 16777216 bytes")

    post.delivery.start()
    session = post.session(1)
    session.send = too_long
    post.delivery.on_welcome(session, True, frozenset())
    post.delivery.submit(results.answer(post.outbox, session=1))
    assert post.wait_settled() == [("chat-1", "refused")]
    assert "longer than 16777216 bytes" in post.settled[0].reason


def test_a_broken_answer_that_cannot_be_set_aside_holds_up_no_other(
    outbox: Any, post: Any, results: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(entry: Entry, _reason: str) -> None:
        raise OutboxError("the disk is full", path=entry.path)

    monkeypatch.setattr(outbox, "set_aside", full)
    post.delivery.start()
    session = post.wake(number=1)
    broken = results.answer(outbox, "broken", session=1)
    broken.path.write_bytes(b"}")
    picture = results.picture(outbox, "torn")
    picture.path.write_bytes(b"")
    post.delivery.submit(broken)
    post.delivery.submit(picture)
    post.delivery.submit(results.answer(outbox, session=1))
    assert session.sent.wait(WAIT)
    post.delivery.submit(results.picture(outbox, "good"))
    assert post.wait_settled() == [("good", "delivered")]
