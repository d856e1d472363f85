"""A session over real sockets against a scripted studio (protocol §3)."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable
from typing import Any

import pytest

from studio_worker_core.errors import SessionRefused, WireError
from studio_worker_core.secrets import Secret
from studio_worker_core.session import EndReason, Session, Timings
from studio_worker_core.studio_client.socket import open_socket
from studio_worker_core.testing.recording_handler import RecordingHandler, sample_capabilities
from studio_worker_core.testing.scripted_studio import ScriptedStudio
from studio_worker_core.testing.tcp_proxy import FaultProxy
from studio_worker_core.wire.bounds import MAX_FRAME_BYTES, MAX_NOTE
from studio_worker_core.wire.frames import (
    Accept,
    Cancel,
    Claim,
    CompleteJson,
    ErrorFrame,
    Fail,
    Heartbeat,
    HeartbeatAck,
    Hello,
    LogBatch,
    Offer,
    Progress,
    Reject,
    Welcome,
)
from studio_worker_core.wire.models import ModelSource
from studio_worker_core.wire.tasks import ImageTask

Start = Callable[..., Any]

CLAIM = Claim("job-1", "synthetic", ImageTask("a cat"), ModelSource("synthetic"))
SILENT_SOON = Timings(
    heartbeat=0.05, logs=0.02, silence=0.8, flush=1.0, goodbye=0.3, stop_poll=0.01
)


def test_hello_is_the_first_frame_and_carries_token_capabilities_and_unfinished_jobs(
    studio: ScriptedStudio, handler: RecordingHandler, start: Start
) -> None:
    handler.unfinished = ["job-7"]
    start()
    hello = studio.session().wait_for(Hello)
    assert studio.session().frames[0] == hello
    assert hello.auth_token == studio.token
    assert hello.capabilities == sample_capabilities()
    assert hello.unfinished_jobs == ["job-7"]


def test_unfinished_jobs_are_sent_even_when_there_are_none(
    studio: ScriptedStudio, start: Start
) -> None:
    start()
    studio.session().wait_for(Hello)
    assert json.loads(studio.session().texts[0])["unfinishedJobs"] == []


def test_nothing_but_hello_is_sent_before_welcome(
    studio: ScriptedStudio, handler: RecordingHandler, start: Start
) -> None:
    studio.welcomes = False
    handler.add_log("early")
    running = start(timings=SILENT_SOON)
    assert running.session.send(Accept("job-1")) is False
    ended = running.result()
    assert ended.reason is EndReason.SILENT
    assert not ended.welcomed
    assert [type(frame) for frame in studio.session().frames] == [Hello]
    assert handler.of("on_welcome") == []
    assert handler.of("on_closed") == [1]
    assert [entry.message for entry in handler.logs] == ["early"]


def test_a_stop_before_welcome_sends_no_logs(
    studio: ScriptedStudio, handler: RecordingHandler, start: Start
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
    start: Start,
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
    assert handler.of("on_offer") == handler.of("on_bad_offer") == []
    assert "offer frame before welcome" in caplog.text
    assert session.of(Fail) == []


def test_heartbeats_follow_welcome_with_the_current_job(
    studio: ScriptedStudio, handler: RecordingHandler, start: Start
) -> None:
    handler.job = "job-3"
    start()
    beat = studio.session().wait_for(Heartbeat, count=3)
    assert beat.current_job_id == "job-3"
    assert beat.capabilities == sample_capabilities()


def test_the_handler_hears_of_welcome_offer_and_acks(
    studio: ScriptedStudio, handler: RecordingHandler, start: Start
) -> None:
    studio.features, studio.resume = ["resume"], ["job-9"]
    running = start()
    assert handler.wait_for("on_welcome").resume == ["job-9"]
    assert running.session.features == {"resume"}
    studio.session().send(Offer(CLAIM))
    assert handler.wait_for("on_offer") == CLAIM
    assert running.session.send(Accept("job-1"))
    assert studio.session().wait_for(Accept).job_id == "job-1"
    assert running.session.send(CompleteJson("job-1", {"a": None}, "prompt"))
    assert handler.wait_for("on_complete_ack") == "job-1"
    assert running.session.send(Fail("job-2", "no", retryable=True))
    assert handler.wait_for("on_fail_ack") == "job-2"
    assert studio.session().of(CompleteJson)[0].result == {"a": None}


def test_log_entries_are_shipped_in_batches(
    studio: ScriptedStudio, handler: RecordingHandler, start: Start
) -> None:
    for number in range(250):
        handler.add_log(f"line {number}")
    start()
    session = studio.session()
    session.wait_for(LogBatch, count=3)
    messages = [entry.message for batch in session.of(LogBatch) for entry in batch.entries]
    assert messages == [f"line {number}" for number in range(250)]


def test_an_unreadable_offer_with_a_job_id_is_answered_with_a_final_fail(
    studio: ScriptedStudio, handler: RecordingHandler, start: Start
) -> None:
    start()
    handler.wait_for("on_welcome")
    session = studio.session()
    session.send_raw('{"type":"offer","claim":{"jobId":"job-x","model":"m"}}')
    fail = session.wait_for(Fail)
    assert (fail.job_id, fail.retryable) == ("job-x", False)
    assert "task" in fail.error
    session.send_raw('{"type":"offer","claim":[]}')
    assert handler.wait_for("on_bad_offer", count=2)[0] is None
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
    start: Start,
    caplog: pytest.LogCaptureFixture,
    nonsense: str | bytes,
) -> None:
    start()
    handler.wait_for("on_welcome")
    session = studio.session()
    session.send_raw(nonsense)
    session.send(Offer(CLAIM))
    handler.wait_for("on_offer")
    assert "skipped a frame" in caplog.text
    assert len(handler.of("on_welcome")) == 1
    assert not session.ended


def test_cancel_is_honoured_from_a_studio_with_the_feature_only(
    studio: ScriptedStudio, handler: RecordingHandler, start: Start
) -> None:
    first = start()
    handler.wait_for("on_welcome")
    studio.session().send(Cancel("job-1"))
    studio.session().send(Offer(CLAIM))
    handler.wait_for("on_offer")
    assert handler.of("on_cancel") == []
    first.end()
    studio.features = ["cancel"]
    start()
    handler.wait_for("on_welcome", count=2)
    studio.session(2).send(Cancel("job-1"))
    assert handler.wait_for("on_cancel") == "job-1"


def test_progress_goes_only_to_a_studio_with_the_feature(
    studio: ScriptedStudio, handler: RecordingHandler, start: Start
) -> None:
    running = start()
    handler.wait_for("on_welcome")
    assert running.session.send(Progress("job-1", 0.5))
    assert running.session.send(Accept("job-1"))
    studio.session().wait_for(Accept)
    studio.session().wait_for(Heartbeat, count=3)
    assert studio.session().of(Progress) == []


def test_progress_is_paced_never_goes_back_and_ends_with_the_job(
    studio: ScriptedStudio, handler: RecordingHandler, start: Start
) -> None:
    studio.features = ["progress"]
    running = start()
    handler.wait_for("on_welcome")
    session = studio.session()
    running.session.send(Progress("job-1", 0.0))
    session.wait_for(Progress)
    for hundredth in [*range(100), 20]:
        running.session.send(Progress("job-1", hundredth / 100, "step"))
    assert session.wait_for(Progress, count=2).fraction == 0.99
    running.session.send(Progress("job-1", 1.0))
    running.session.send(Fail("job-1", "enough", retryable=False))
    session.wait_for(Fail)
    session.wait_for(Heartbeat, count=len(session.of(Heartbeat)) + 3)
    assert [frame.fraction for frame in session.of(Progress)] == [0.0, 0.99]


def test_long_texts_are_cut_to_what_the_studio_reads(
    studio: ScriptedStudio, handler: RecordingHandler, start: Start
) -> None:
    running = start()
    handler.wait_for("on_welcome")
    running.session.send(Fail("job-1", "x" * 200_000, retryable=True))
    assert len(studio.session().wait_for(Fail).error) == MAX_NOTE
    running.session.send(Reject("job-1", "y" * 200_000))
    assert len(studio.session().wait_for(Reject).reason) == 4096


def test_a_result_too_long_for_a_frame_is_an_error_of_its_own_and_keeps_the_session(
    studio: ScriptedStudio, handler: RecordingHandler, start: Start
) -> None:
    running = start()
    handler.wait_for("on_welcome")
    with pytest.raises(WireError, match="longer than"):
        running.session.send(CompleteJson("job-1", "é" * (MAX_FRAME_BYTES // 2 + 1)))
    assert running.session.send(Accept("job-1"))
    studio.session().wait_for(Accept)


def test_text_that_is_no_unicode_does_not_cost_the_frame(
    studio: ScriptedStudio, handler: RecordingHandler, start: Start
) -> None:
    running = start()
    handler.wait_for("on_welcome")
    running.session.send(Fail("job-1", "cannot read \udcff.bin", retryable=True))
    assert studio.session().wait_for(Fail).error == "cannot read ?.bin"


# the end


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("auth_failed", "register --reset"),
        ("duplicate_worker", "another process"),
        ("worker_deleted", "removed this worker"),
        ("protocol_violation", "broke the protocol"),
        ("internal_error", "the studio failed"),
        ("brand_new_code", "brand_new_code: said the studio"),
    ],
)
@pytest.mark.parametrize("welcomed", [True, False])
def test_every_error_frame_ends_the_session_for_good_with_its_own_words(
    studio: ScriptedStudio,
    handler: RecordingHandler,
    start: Start,
    code: str,
    words: str,
    welcomed: bool,
) -> None:
    studio.welcomes = welcomed
    running = start()
    studio.session().wait_for(Hello)
    if welcomed:
        handler.wait_for("on_welcome")
    studio.session().send(ErrorFrame(code, "said the studio"))
    with pytest.raises(SessionRefused) as refused:
        running.result()
    assert refused.value.code == code
    assert words in str(refused.value)
    assert handler.of("on_closed") == [1]


@pytest.mark.parametrize(
    ("close", "code", "words"),
    [
        (4001, "auth_failed", "register --reset"),
        (4003, "duplicate_worker", "another process"),
        (4004, "worker_deleted", "removed this worker"),
    ],
)
def test_the_final_close_codes_end_the_session_for_good(
    studio: ScriptedStudio,
    handler: RecordingHandler,
    start: Start,
    close: int,
    code: str,
    words: str,
) -> None:
    running = start()
    handler.wait_for("on_welcome")
    studio.session().close(close, "bye")
    with pytest.raises(SessionRefused, match=words) as refused:
        running.result()
    assert refused.value.code == code
    assert f"{close}: bye" in str(refused.value)


@pytest.mark.parametrize("close", [1000, 1001, 1011, 1012, 4000, 4002, 4005, 4999])
def test_any_other_close_code_is_a_disconnect(
    studio: ScriptedStudio, handler: RecordingHandler, start: Start, close: int
) -> None:
    running = start()
    handler.wait_for("on_welcome")
    studio.session().close(close)
    ended = running.result()
    assert ended.reason is EndReason.DISCONNECTED
    assert ended.welcomed
    assert str(close) in ended.detail
    assert not running.session.send(Accept("job-1"))


def test_a_connection_that_breaks_without_a_word_is_a_disconnect(
    studio: ScriptedStudio, handler: RecordingHandler, start: Start
) -> None:
    running = start()
    handler.wait_for("on_welcome")
    studio.session().sever()
    assert running.result().reason is EndReason.DISCONNECTED


def test_text_that_is_no_utf8_ends_the_connection_but_not_the_worker(
    studio: ScriptedStudio, handler: RecordingHandler, start: Start
) -> None:
    running = start()
    handler.wait_for("on_welcome")
    studio.session().send_invalid_utf8()
    assert running.result().reason is EndReason.DISCONNECTED


def test_a_stop_sends_what_is_queued_and_the_last_logs_and_closes_normally(
    studio: ScriptedStudio, handler: RecordingHandler, start: Start
) -> None:
    running = start(timings=Timings(heartbeat=60, logs=60, flush=5, stop_poll=0.01))
    handler.wait_for("on_welcome")
    for number in range(250):
        handler.add_log(f"line {number}")
    for number in range(20):
        running.session.send(Fail(f"job-{number}", "shutting down", retryable=True))
    running.stop.set()
    ended = running.result()
    assert (ended.reason, ended.welcomed) == (EndReason.STOPPED, True)
    session = studio.session()
    assert session.wait_ended()
    assert session.close_code == 1000
    assert len(session.of(Fail)) == 20
    assert sum(len(batch.entries) for batch in session.of(LogBatch)) == 250
    assert handler.of("on_closed") == [1]


def test_close_ends_the_session_like_a_stop(
    studio: ScriptedStudio, handler: RecordingHandler, start: Start
) -> None:
    running = start()
    handler.wait_for("on_welcome")
    running.session.close()
    assert running.result().reason is EndReason.STOPPED
    assert studio.session().wait_ended()
    assert studio.session().close_code == 1000


def test_a_studio_that_falls_silent_is_left(
    studio: ScriptedStudio, handler: RecordingHandler, start: Start
) -> None:
    running = start(timings=SILENT_SOON)
    handler.wait_for("on_welcome")
    studio.session().wait_for(Heartbeat, count=2)
    studio.acks_heartbeats = False
    ended = running.result()
    assert (ended.reason, ended.welcomed) == (EndReason.SILENT, True)


def test_acknowledged_heartbeats_keep_the_session_alive(
    studio: ScriptedStudio, handler: RecordingHandler, start: Start
) -> None:
    running = start(timings=SILENT_SOON)
    # That many heartbeats take longer than the silence the session puts up with.
    studio.session().wait_for(Heartbeat, count=25)
    assert not handler.of("on_closed")
    running.stop.set()
    assert running.result().reason is EndReason.STOPPED


@pytest.mark.parametrize("directions", [("up",), ("down",), ("up", "down")])
def test_a_half_open_link_is_noticed(
    studio: ScriptedStudio,
    handler: RecordingHandler,
    start: Start,
    directions: tuple[Any, ...],
) -> None:
    with FaultProxy(("127.0.0.1", studio.port)) as proxy:
        running = start(proxy.url, SILENT_SOON)
        handler.wait_for("on_welcome")
        proxy.swallow(*directions)
        assert running.result().reason is EndReason.SILENT


@pytest.mark.parametrize("end", ["silence", "stop"])
def test_a_send_stuck_on_full_buffers_does_not_keep_the_session(
    studio: ScriptedStudio,
    handler: RecordingHandler,
    start: Start,
    end: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with FaultProxy(("127.0.0.1", studio.port)) as proxy:
        silence = 1.0 if end == "silence" else 60.0
        # More than the socket buffers of both ends hold together.
        result = "x" * 15_000_000
        timings = Timings(heartbeat=0.05, silence=silence, flush=0.3, goodbye=0.3, stop_poll=0.01)
        note_welcome = handler.on_welcome

        def stalling(session: Session, welcome: Welcome) -> None:
            # In the session's own thread, so that a slow machine cannot end it before.
            proxy.stall()
            assert session.send(CompleteJson("job-1", result))
            assert session.send(Accept("job-2"))
            handler.add_log("kept")
            note_welcome(session, welcome)

        monkeypatch.setattr(handler, "on_welcome", stalling)
        running = start(proxy.url, timings)
        handler.wait_for("on_welcome")
        if end == "stop":
            running.stop.set()
        ended = running.result()
        assert ended.reason is (EndReason.SILENT if end == "silence" else EndReason.STOPPED)
        assert [entry.message for entry in handler.logs] == ["kept"]
        assert not running.session.send(Accept("job-3"))
        assert proxy.forwarded("up") < len(result)


def test_a_studio_that_does_not_read_overflows_the_queue_and_is_left(
    studio: ScriptedStudio, handler: RecordingHandler, start: Start
) -> None:
    with FaultProxy(("127.0.0.1", studio.port)) as proxy:
        running = start(proxy.url, Timings(heartbeat=60, silence=60, goodbye=0.3, stop_poll=0.01))
        handler.wait_for("on_welcome")
        proxy.stall()
        sent = [running.session.send(CompleteJson("job-1", "x" * 15_000_000)) for _ in range(9)]
        assert sent[0]
        assert not sent[-1]
        ended = running.result()
        assert ended.reason is EndReason.DISCONNECTED
        assert "does not take" in ended.detail


def test_log_entries_of_a_batch_that_was_not_sent_come_back(
    studio: ScriptedStudio, handler: RecordingHandler, start: Start
) -> None:
    with FaultProxy(("127.0.0.1", studio.port)) as proxy:
        timings = Timings(heartbeat=60, logs=0.02, silence=60, goodbye=0.3, stop_poll=0.01)
        running = start(proxy.url, timings)
        handler.wait_for("on_welcome")
        proxy.stall()
        # One batch longer than the socket buffers of both ends hold together.
        handler.add_log(*["x" * 3_000_000] * 5)
        handler.wait_for("take_logs")
        proxy.reset()
        assert running.result().reason is EndReason.DISCONNECTED
        assert len(handler.wait_for("put_back_logs")) == 5


def test_a_flood_of_frames_does_not_stop_the_heartbeats(
    studio: ScriptedStudio, handler: RecordingHandler, start: Start
) -> None:
    start()
    session = studio.session()
    session.wait_for(Heartbeat)
    flooding = threading.Event()

    def flood() -> None:
        while not flooding.is_set() and not session.ended:
            session.send(HeartbeatAck())

    thread = threading.Thread(target=flood)
    thread.start()
    try:
        session.wait_for(Heartbeat, count=len(session.of(Heartbeat)) + 5)
    finally:
        flooding.set()
        thread.join(10)


def test_an_error_in_a_handler_ends_the_connection_and_every_thread(
    studio: ScriptedStudio, handler: RecordingHandler, fast: Timings
) -> None:
    def broken() -> None:
        raise RuntimeError("a bug")

    connection = open_socket(studio.url, studio.worker_id, Secret(studio.token))
    session = Session(connection, handler, Secret(studio.token), timings=fast, on_welcomed=broken)
    with pytest.raises(RuntimeError, match="a bug"):
        session.run(threading.Event())
    assert studio.session().wait_ended()
    assert handler.of("on_closed") == [1]


def test_the_token_is_never_logged(
    studio: ScriptedStudio,
    handler: RecordingHandler,
    start: Start,
    caplog: pytest.LogCaptureFixture,
) -> None:
    studio.token = "very-secret-token"
    with caplog.at_level(logging.DEBUG):
        running = start()
        handler.wait_for("on_welcome")
        studio.session().send_raw("nonsense")
        studio.session().send(ErrorFrame("auth_failed", "no"))
        with pytest.raises(SessionRefused):
            running.result()
    assert "very-secret-token" not in caplog.text
    assert "very-secret-token" not in repr(studio.session().frames)
