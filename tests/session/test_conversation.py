"""A session over real sockets against a scripted studio (protocol §3)."""

from __future__ import annotations

import json

import pytest

from studio_worker_core.errors import WireError
from studio_worker_core.session import EndReason, Timings
from studio_worker_core.wire.bounds import MAX_FRAME_BYTES, MAX_NOTE
from studio_worker_core.wire.codec import encode_text
from studio_worker_core.wire.frames import (
    Accept,
    Cancel,
    Claim,
    CompleteAck,
    CompleteJson,
    Fail,
    FailAck,
    Heartbeat,
    Hello,
    LogBatch,
    Offer,
    Reject,
    Welcome,
)
from studio_worker_core.wire.generation import GenerationMeta
from studio_worker_core.wire.models import ModelSource
from studio_worker_core.wire.tasks import ImageTask
from tests.session.conftest import StartSession
from tests.support.recording_handler import RecordingHandler, sample_capabilities
from tests.support.scripted_studio import ScriptedStudio

CLAIM = Claim("job-1", "synthetic", ImageTask("a cat"), ModelSource("synthetic"))
SILENT_SOON = Timings(
    heartbeat=0.05, logs=0.02, silence=2.5, flush=1.0, goodbye=0.3, stop_poll=0.01
)


def test_hello_is_the_first_frame_and_carries_token_capabilities_and_unfinished_jobs(
    studio: ScriptedStudio, handler: RecordingHandler, start: StartSession
) -> None:
    handler.unfinished = ["job-7"]
    start()
    hello = studio.session().wait_for(Hello)
    assert studio.session().frames[0] == hello
    assert hello.auth_token == studio.token
    assert hello.capabilities == sample_capabilities()
    assert hello.unfinished_jobs == ["job-7"]


def test_unfinished_jobs_are_sent_even_when_there_are_none(
    studio: ScriptedStudio, start: StartSession
) -> None:
    start()
    studio.session().wait_for(Hello)
    assert json.loads(studio.session().texts[0])["unfinishedJobs"] == []


def test_nothing_but_hello_is_sent_before_welcome(
    studio: ScriptedStudio, handler: RecordingHandler, start: StartSession
) -> None:
    studio.welcomes = False
    handler.add_log("early")
    running = start(timings=SILENT_SOON)
    assert running.session.send(Accept("job-1")) is False
    ended = running.result()
    assert ended.reason is EndReason.SILENT
    assert not ended.welcomed
    assert [type(frame) for frame in studio.session().frames] == [Hello]
    assert handler.frames(Welcome) == []
    assert handler.of("on_closed") == [1]
    assert [entry.message for entry in handler.logs] == ["early"]


def test_a_stop_before_welcome_sends_no_logs(
    studio: ScriptedStudio, handler: RecordingHandler, start: StartSession
) -> None:
    studio.welcomes = False
    handler.add_log("early")
    running = start()
    studio.session().wait_for(Hello)
    running.stop.set()
    assert running.result().reason is EndReason.STOPPED
    assert studio.session().wait_ended()
    assert [type(frame) for frame in studio.session().frames] == [Hello]


def test_a_frame_before_welcome_that_is_none_is_skipped(
    studio: ScriptedStudio,
    handler: RecordingHandler,
    start: StartSession,
    caplog: pytest.LogCaptureFixture,
) -> None:
    studio.welcomes = False
    start()
    session = studio.session()
    session.wait_for(Hello)
    session.send(Offer(CLAIM))
    session.send_raw('{"type":"offer","claim":{"jobId":"bad"}}')
    session.send(Welcome("worker-1", "now"))
    session.wait_for(Heartbeat)
    assert handler.frames(Offer) == []
    assert "offer frame before welcome" in caplog.text
    assert session.of(Fail) == []


def test_heartbeats_follow_welcome_with_the_current_job(
    studio: ScriptedStudio, handler: RecordingHandler, start: StartSession
) -> None:
    handler.job = "job-3"
    start()
    beat = studio.session().wait_for(Heartbeat, count=3)
    assert beat.current_job_id == "job-3"
    assert beat.capabilities == sample_capabilities()


def test_the_handler_hears_of_welcome_offer_and_acks(
    studio: ScriptedStudio, handler: RecordingHandler, start: StartSession
) -> None:
    studio.features, studio.resume = ["resume"], ["job-9"]
    running = start()
    assert handler.wait_frame(Welcome).resume == ["job-9"]
    assert running.session.features == {"resume"}
    studio.session().send(Offer(CLAIM))
    assert handler.wait_frame(Offer).claim == CLAIM
    assert running.session.send(Accept("job-1"))
    assert studio.session().wait_for(Accept).job_id == "job-1"
    assert running.session.send(CompleteJson("job-1", {"a": None}, "prompt"))
    assert handler.wait_frame(CompleteAck).job_id == "job-1"
    assert running.session.send(Fail("job-2", "no", retryable=True))
    assert handler.wait_frame(FailAck).job_id == "job-2"
    assert studio.session().of(CompleteJson)[0].result == {"a": None}


@pytest.mark.parametrize("wanted", [True, False])
def test_how_an_answer_was_made_goes_to_a_studio_that_wants_to_know(
    studio: ScriptedStudio, handler: RecordingHandler, start: StartSession, wanted: bool
) -> None:
    studio.features = ["meta"] if wanted else []
    running = start()
    handler.wait_frame(Welcome)
    made = GenerationMeta(engine="synthetic", seconds=0.5)
    assert running.session.send(CompleteJson("job-1", {}, "prompt", made))
    sent = studio.session().wait_for(CompleteJson).meta
    assert sent == ({"engine": "synthetic", "seconds": 0.5} if wanted else None)


def test_log_entries_are_shipped_in_batches(
    studio: ScriptedStudio, handler: RecordingHandler, start: StartSession
) -> None:
    for number in range(250):
        handler.add_log(f"line {number}")
    start()
    session = studio.session()
    session.wait_for(LogBatch, count=3)
    messages = [entry.message for batch in session.of(LogBatch) for entry in batch.entries]
    assert messages == [f"line {number}" for number in range(250)]


@pytest.mark.parametrize("answer", [Accept("job-1"), Reject("job-1", "full")])
def test_what_is_read_another_way_stands_in_the_log_of_a_job_that_is_accepted(
    answer: Accept | Reject,
    studio: ScriptedStudio,
    handler: RecordingHandler,
    start: StartSession,
    caplog: pytest.LogCaptureFixture,
) -> None:
    running = start()
    session = studio.session()
    session.wait_for(Heartbeat)
    claim = json.loads(encode_text(CLAIM))
    claim["task"] |= {"steps": 0, "width": 99_999}
    session.send_raw(json.dumps({"type": "offer", "claim": claim}))
    task = handler.wait_frame(Offer, timeout=60).claim.task
    assert isinstance(task, ImageTask)
    assert (task.steps, task.width) == (20, 16_384)
    assert running.session.send(answer)
    lines = [r.getMessage() for r in caplog.records if getattr(r, "job_id", None) == "job-1"]
    told = [
        "job job-1: the offer's steps: 0 says nothing; read as not given",
        "job job-1: the offer's width: 99999 is above 16384; read as 16384",
    ]
    assert sorted(lines) == (told if isinstance(answer, Accept) else [])


def test_an_unreadable_offer_with_a_job_id_is_answered_with_a_final_fail(
    studio: ScriptedStudio, handler: RecordingHandler, start: StartSession
) -> None:
    start()
    handler.wait_frame(Welcome)
    session = studio.session()
    session.send_raw('{"type":"offer","claim":{"jobId":"job-x","model":"m"}}')
    fail = session.wait_for(Fail)
    assert (fail.job_id, fail.retryable) == ("job-x", False)
    assert "task" in fail.error
    session.send_raw('{"type":"offer","claim":[]}')
    session.send(Offer(CLAIM))
    assert handler.wait_frame(Offer).claim == CLAIM
    session.wait_for(Heartbeat, count=len(session.of(Heartbeat)) + 2)
    assert len(session.of(Fail)) == 1


@pytest.mark.parametrize(
    "nonsense",
    [
        b"\x00\x01binary",
        "",
        "not json",
        "[1,2]",
        "null",
        "{}",
        '{"type":"surprise"}',
        '{"type":7}',
        '{"type":"welcome"}',
        '{"type":"completeAck","jobId":5}',
        "[" * 100_000,
        '{"type":"welcome","workerId":"w","serverTime":"again"}',
    ],
)
def test_nonsense_is_logged_and_skipped_and_the_session_goes_on(
    studio: ScriptedStudio,
    handler: RecordingHandler,
    start: StartSession,
    caplog: pytest.LogCaptureFixture,
    nonsense: str | bytes,
) -> None:
    start()
    handler.wait_frame(Welcome)
    session = studio.session()
    session.send_raw(nonsense)
    session.send(Offer(CLAIM))
    handler.wait_frame(Offer)
    assert "skipped a frame" in caplog.text
    assert len(handler.frames(Welcome)) == 1
    assert not session.ended


def test_cancel_is_honoured_from_a_studio_with_the_feature_only(
    studio: ScriptedStudio, handler: RecordingHandler, start: StartSession
) -> None:
    first = start()
    handler.wait_frame(Welcome)
    studio.session().send(Cancel("job-1"))
    studio.session().send(Offer(CLAIM))
    handler.wait_frame(Offer)
    assert handler.frames(Cancel) == []
    first.end()
    studio.features = ["cancel"]
    start()
    handler.wait_frame(Welcome, count=2)
    studio.session(2).send(Cancel("job-1"))
    assert handler.wait_frame(Cancel).job_id == "job-1"


def test_long_texts_are_cut_to_what_the_studio_reads(
    studio: ScriptedStudio, handler: RecordingHandler, start: StartSession
) -> None:
    running = start()
    handler.wait_frame(Welcome)
    running.session.send(Fail("job-1", "x" * 200_000, retryable=True))
    assert len(studio.session().wait_for(Fail).error) == MAX_NOTE
    running.session.send(Reject("job-1", "y" * 200_000))
    assert len(studio.session().wait_for(Reject).reason) == 4096


def test_a_result_too_long_for_a_frame_is_an_error_of_its_own_and_keeps_the_session(
    studio: ScriptedStudio, handler: RecordingHandler, start: StartSession
) -> None:
    running = start()
    handler.wait_frame(Welcome)
    with pytest.raises(WireError, match="longer than"):
        running.session.send(CompleteJson("job-1", "é" * (MAX_FRAME_BYTES // 2 + 1)))
    assert running.session.send(Accept("job-1"))
    studio.session().wait_for(Accept)


def test_text_that_is_no_unicode_does_not_cost_the_frame(
    studio: ScriptedStudio, handler: RecordingHandler, start: StartSession
) -> None:
    running = start()
    handler.wait_frame(Welcome)
    running.session.send(Fail("job-1", "cannot read \udcff.bin", retryable=True))
    assert studio.session().wait_for(Fail).error == "cannot read ?.bin"
