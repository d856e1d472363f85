"""Frames that met the news on the wire, and frames that break a bound (protocol §3, §5)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.studio.tests.support.field_worker import FieldWorker
from plugins.studio.tests.support.studio_in_thread import StudioInThread
from studio_worker_core.errors import BadFrame
from studio_worker_core.wire.codec import decode_worker_frame
from studio_worker_core.wire.frames import Fail, Reject
from studio_worker_studio.salvage import salvaged

CHAT = {"kind": "llm", "messages": [{"role": "user", "content": "hello"}]}


def assert_it_goes_on(studio: StudioInThread, worker: FieldWorker) -> None:
    worker.heartbeat()
    following = studio.submit()
    assert worker.take_offer() == following, "the session goes on"


def test_a_late_fail_after_a_delivered_result_is_acknowledged_and_ignored(
    studio: StudioInThread,
) -> None:
    worker = studio.new_worker()
    with worker.session():
        job_id = studio.submit()
        worker.take_offer()
        assert worker.complete(job_id).status_code == 204
        worker.send("fail", jobId=job_id, error="late", retryable=True)
        assert worker.expect("failAck")["jobId"] == job_id
        assert studio.job(job_id)["state"] == "done"
        assert_it_goes_on(studio, worker)


def test_an_accept_that_crossed_a_cancel_is_ignored(studio: StudioInThread) -> None:
    worker = studio.new_worker()
    with worker.session(features=[]):
        job_id = studio.submit()
        worker.expect("offer")
        studio.call("POST", f"/jobs/{job_id}/cancel")
        worker.send("accept", jobId=job_id)
        assert_it_goes_on(studio, worker)


def test_an_answer_after_a_fail_is_acknowledged_and_ignored(studio: StudioInThread) -> None:
    worker = studio.new_worker()
    with worker.session():
        job_id = studio.submit(CHAT, maxAttempts=1)
        worker.take_offer()
        worker.send("fail", jobId=job_id, error="first", retryable=False)
        worker.expect("failAck")
        worker.send("completeJson", jobId=job_id, result={})
        worker.expect("completeAck")
        assert studio.job(job_id)["error"] == "first"
        assert_it_goes_on(studio, worker)


def test_what_an_earlier_session_had_is_no_violation_in_the_next(studio: StudioInThread) -> None:
    worker = studio.new_worker()
    with worker.session():
        job_id = studio.submit(CHAT)
        worker.take_offer()
        worker.send("completeJson", jobId=job_id, result={})
        worker.expect("completeAck")
    with worker.session():
        worker.send("fail", jobId=job_id, error="late", retryable=True)
        worker.expect("failAck")
        assert_it_goes_on(studio, worker)


def test_an_error_that_is_too_long_is_cut(studio: StudioInThread) -> None:
    worker = studio.new_worker()
    with worker.session():
        job_id = studio.submit()
        worker.take_offer()
        worker.send("fail", jobId=job_id, error="x" * 100_000, retryable=False)
        worker.expect("failAck")
        assert studio.wait_state(job_id, "failed")["error"] == "x" * 65536


def test_a_prompt_that_is_too_long_is_cut_and_the_answer_kept(studio: StudioInThread) -> None:
    worker = studio.new_worker()
    with worker.session():
        job_id = studio.submit(CHAT)
        worker.take_offer()
        worker.send("completeJson", jobId=job_id, result={"a": 1}, prompt="y" * 1_100_000)
        worker.expect("completeAck")
        job = studio.wait_state(job_id, "done")
        assert job["result"]["json"] == {"a": 1}
        assert len(job["prompt"]) == 1_000_000


@pytest.mark.parametrize(
    "body",
    [
        '"result":' + "[" * 5000 + "]" * 5000,
        '"prompt":"no result"',
        '"result":"half a frame',
    ],
)
def test_an_answer_that_cannot_be_used_fails_its_job_with_the_reason(
    studio: StudioInThread, body: str
) -> None:
    worker = studio.new_worker()
    with worker.session():
        job_id = studio.submit(CHAT, maxAttempts=1)
        worker.take_offer()
        worker.socket.send(f'{{"type":"completeJson","jobId":"{job_id}",{body}}}')
        worker.expect("completeAck")
        assert "answer" in studio.wait_state(job_id, "failed")["error"]
        assert_it_goes_on(studio, worker)


@pytest.mark.parametrize("field", ["retryable", "error"])
def test_a_fail_that_lacks_a_field_still_fails_its_job(studio: StudioInThread, field: str) -> None:
    worker = studio.new_worker()
    with worker.session():
        job_id = studio.submit(maxAttempts=1)
        worker.take_offer()
        frame = {"jobId": job_id, "error": "broken", "retryable": False}
        del frame[field]
        worker.send("fail", **frame)
        worker.expect("failAck")
        studio.wait_state(job_id, "failed")


def test_a_reject_without_a_reason_gives_the_job_to_others(studio: StudioInThread) -> None:
    worker, other = studio.new_worker(), studio.new_worker()
    with worker.session():
        job_id = studio.submit()
        worker.expect("offer")
        worker.send("reject", jobId=job_id)
        with other.session():
            assert other.take_offer() == job_id


def test_a_json_answer_may_come_as_a_file(studio: StudioInThread) -> None:
    worker = studio.new_worker()
    answer = {"text": "a" * 100_000}
    with worker.session():
        job_id = studio.submit(CHAT)
        worker.take_offer()
        wrong = worker.complete(job_id, b"picture")
        assert wrong.status_code == 400
        broken = worker.complete(job_id, b"{", ext="json", mime="application/json")
        assert broken.status_code == 400
        data = json.dumps(answer).encode()
        for _ in range(2):
            done = worker.complete(job_id, data, ext="json", mime="application/json")
            assert done.status_code == 204
        assert studio.job(job_id)["result"]["json"] == answer
        assert_it_goes_on(studio, worker)


JUNK = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)


@given(
    st.sampled_from(["accept", "reject", "fail", "completeJson"]),
    st.dictionaries(
        st.sampled_from(["reason", "error", "retryable", "result", "prompt", "code"]), JUNK
    ),
)
def test_every_frame_about_a_job_is_used_whatever_its_fields(
    kind: str, fields: dict[str, Any]
) -> None:
    text = json.dumps({"type": kind, "jobId": "job-1", **fields})
    try:
        decode_worker_frame(text)
    except BadFrame as error:
        frame = salvaged(text, error)
        assert frame is not None
        assert frame.job_id == "job-1"
        if isinstance(frame, Fail):
            assert frame.error
        if isinstance(frame, Reject):
            assert frame.reason


@given(st.text())
def test_any_text_is_salvaged_or_passed_over(text: str) -> None:
    salvaged(text, BadFrame("nonsense"))
