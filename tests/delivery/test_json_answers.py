from __future__ import annotations

from typing import Any

import pytest

from studio_worker_core.delivery.states import LONGEST_IN_FRAME
from studio_worker_core.errors import OutboxError, WireError
from studio_worker_core.outbox import Entry, Outbox
from studio_worker_core.wire.frames import CompleteJson, Fail
from tests.delivery.conftest import Field, Results

WAIT = 60.0


def test_an_answer_goes_over_its_session_and_leaves_on_the_ack(
    field: Field, results: Results
) -> None:
    field.delivery.start()
    session = field.wake(number=1)
    field.delivery.submit(results.answer(field.outbox, session=1))
    assert session.sent.wait(WAIT)
    assert session.frames == [
        CompleteJson(job_id="chat-1", result={"answer": "chat-1"}, prompt="user: hello")
    ]
    assert field.delivery.in_flight() == "chat-1"
    assert len(field.outbox.pending()) == 1
    field.delivery.on_complete_ack("chat-1")
    assert field.wait_settled() == [("chat-1", "delivered")]
    assert field.delivery.in_flight() is None


def test_an_answer_is_not_held_up_by_a_long_upload(field: Field, results: Results) -> None:
    field.studio.holding.add("film")
    field.delivery.start()
    session = field.wake(number=1)
    field.delivery.submit(results.picture(field.outbox, "film"))
    assert field.studio.started.wait(WAIT)
    field.delivery.submit(results.answer(field.outbox, session=1))
    assert session.sent.wait(WAIT)
    field.studio.released.set()
    field.wait_settled()


def test_an_unacknowledged_answer_goes_again_when_it_is_resumed(
    field: Field, results: Results
) -> None:
    field.delivery.start()
    first = field.wake(number=1)
    field.delivery.submit(results.answer(field.outbox, session=1))
    assert first.sent.wait(WAIT)
    field.delivery.on_closed(first)
    second = field.wake(frozenset({"chat-1"}), number=2)
    assert second.sent.wait(WAIT)
    assert second.frames == first.frames
    field.delivery.on_complete_ack("chat-1")
    assert field.wait_settled() == [("chat-1", "delivered")]


def test_an_answer_that_is_not_resumed_is_kept_but_not_sent(field: Field, results: Results) -> None:
    field.delivery.start()
    field.delivery.submit(results.answer(field.outbox, session=1))
    session = field.wake(number=2)
    assert field.wait_settled() == [("chat-1", "refused")]
    assert session.frames == []
    assert [entry.job_id for entry in field.outbox.refused()] == ["chat-1"]


def test_a_studio_without_resume_resumes_nothing(field: Field, results: Results) -> None:
    field.delivery.start()
    field.delivery.submit(results.answer(field.outbox, session=1))
    field.delivery.on_welcome(field.session(2), False, frozenset({"chat-1"}))
    assert field.wait_settled() == [("chat-1", "refused")]


def test_an_answer_that_the_session_did_not_take_is_kept(field: Field, results: Results) -> None:
    field.delivery.start()
    session = field.wake(number=1)
    session.over = True
    field.delivery.submit(results.answer(field.outbox, session=1))
    assert not field.delivery.flush(WAIT)
    assert len(field.outbox.pending()) == 1


def test_a_prompt_too_long_for_the_frame_is_left_out(field: Field, results: Results) -> None:
    field.delivery.start()
    session = field.wake(number=1)
    field.delivery.submit(results.answer(field.outbox, session=1, prompt="é" * 1_000_000))
    assert session.sent.wait(WAIT)
    assert session.frames[0].prompt is None


def test_an_answer_too_long_for_any_session_is_refused_with_the_reason(
    field: Field, results: Results, monkeypatch: pytest.MonkeyPatch
) -> None:
    def too_long(_frame: object) -> bool:
        raise WireError("CompleteJson", "longer than 16777216 bytes")

    field.delivery.start()
    session = field.session(1)
    monkeypatch.setattr(session, "send", too_long)
    field.delivery.on_welcome(session, True, frozenset())
    field.delivery.submit(results.answer(field.outbox, session=1))
    assert field.wait_settled() == [("chat-1", "refused")]
    assert "longer than 16777216 bytes" in (field.settled[0].reason or "")


def test_a_broken_answer_that_cannot_be_set_aside_holds_up_no_other(
    outbox: Outbox, field: Field, results: Results, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(entry: Entry, _reason: str) -> None:
        raise OutboxError("the disk is full", path=entry.path)

    monkeypatch.setattr(outbox, "set_aside", full)
    field.delivery.start()
    session = field.wake(number=1)
    broken = results.answer(outbox, "broken", session=1)
    broken.path.write_bytes(b"}")
    picture = results.picture(outbox, "torn")
    picture.path.write_bytes(b"")
    field.delivery.submit(broken)
    field.delivery.submit(picture)
    field.delivery.submit(results.answer(outbox, session=1))
    assert session.sent.wait(WAIT)
    field.delivery.submit(results.picture(outbox, "good"))
    assert sorted(field.wait_settled(3)) == [
        ("broken", "lost"),
        ("good", "delivered"),
        ("torn", "lost"),
    ]


def _long_answer(field: Field, results: Results, **more: Any) -> Entry:
    return results.answer(field.outbox, value={"text": "x" * LONGEST_IN_FRAME}, **more)


def test_an_answer_too_long_for_a_frame_is_uploaded_where_the_studio_takes_it(
    field: Field, results: Results
) -> None:
    field.delivery.start()
    entry = _long_answer(field, results)
    field.delivery.submit(entry)
    assert not field.delivery.flush(WAIT)
    assert field.studio.attempts == [], "without a session nobody knows what the studio takes"
    session = field.session(1)
    field.delivery.on_welcome(session, True, frozenset(), takes_json_files=True)
    assert field.wait_settled() == [("chat-1", "delivered")]
    assert field.studio.got == ["chat-1"]
    assert session.frames == []


def test_an_answer_too_long_for_a_frame_fails_with_its_size_where_the_studio_does_not(
    field: Field, results: Results
) -> None:
    field.delivery.start()
    entry = _long_answer(field, results)
    session = field.wake(number=1)
    field.delivery.submit(entry)
    assert field.wait_settled() == [("chat-1", "refused")]
    assert session.sent.wait(WAIT)
    (frame,) = session.frames
    assert isinstance(frame, Fail)
    assert (frame.job_id, frame.retryable) == ("chat-1", False)
    assert f"({entry.manifest.bytes} bytes)" in frame.error
    assert "one frame takes 16.7 MB" in frame.error
    assert field.studio.attempts == []
