from __future__ import annotations

from typing import Any

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
