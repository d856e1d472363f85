"""How a session ends, over real sockets against a scripted studio (protocol §3)."""

from __future__ import annotations

import logging
import threading

import pytest

from studio_worker_core.errors import SessionRefused
from studio_worker_core.secrets import Secret
from studio_worker_core.session import EndReason, Session, Timings
from studio_worker_core.studio_client.socket import open_socket
from studio_worker_core.wire.frames import Accept, Claim, ErrorFrame, Fail, Hello, LogBatch, Welcome
from studio_worker_core.wire.models import ModelSource
from studio_worker_core.wire.tasks import ImageTask
from tests.session.conftest import StartSession
from tests.support.recording_handler import RecordingHandler
from tests.support.scripted_studio import ScriptedStudio
from tests.support.tcp_proxy import FaultProxy

CLAIM = Claim("job-1", "synthetic", ImageTask("a cat"), ModelSource("synthetic"))


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("auth_failed", "register --reset"),
        ("duplicate_worker", "another process"),
        ("worker_deleted", "removed this worker"),
        ("protocol_violation", "broke the protocol"),
    ],
)
@pytest.mark.parametrize("welcomed", [True, False])
def test_the_final_error_frames_end_the_session_for_good_with_their_own_words(
    studio: ScriptedStudio,
    handler: RecordingHandler,
    start: StartSession,
    code: str,
    words: str,
    welcomed: bool,
) -> None:
    studio.welcomes = welcomed
    running = start()
    studio.session().wait_for(Hello)
    if welcomed:
        handler.wait_frame(Welcome)
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
        (4002, "protocol_violation", "broke the protocol"),
        (4003, "duplicate_worker", "another process"),
        (4004, "worker_deleted", "removed this worker"),
    ],
)
def test_the_final_close_codes_end_the_session_for_good(
    studio: ScriptedStudio,
    handler: RecordingHandler,
    start: StartSession,
    close: int,
    code: str,
    words: str,
) -> None:
    running = start()
    handler.wait_frame(Welcome)
    studio.session().close(close, "bye")
    with pytest.raises(SessionRefused, match=words) as refused:
        running.result()
    assert refused.value.code == code
    assert f"{close}: bye" in str(refused.value)


@pytest.mark.parametrize("close", [1000, 1001, 1011, 1012, 4000, 4005, 4999])
def test_any_other_close_code_is_a_disconnect(
    studio: ScriptedStudio, handler: RecordingHandler, start: StartSession, close: int
) -> None:
    running = start()
    handler.wait_frame(Welcome)
    studio.session().close(close)
    ended = running.result()
    assert ended.reason is EndReason.DISCONNECTED
    assert ended.welcomed
    assert str(close) in ended.detail
    assert not running.session.send(Accept("job-1"))


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("internal_error", "the studio failed"),
        ("brand_new_code", "brand_new_code: said the studio"),
    ],
)
def test_any_other_error_is_a_disconnect(
    studio: ScriptedStudio, handler: RecordingHandler, start: StartSession, code: str, words: str
) -> None:
    running = start()
    handler.wait_frame(Welcome)
    studio.session().send(ErrorFrame(code, "said the studio"))
    ended = running.result()
    assert ended.reason is EndReason.DISCONNECTED
    assert ended.welcomed
    assert words in ended.detail


def test_a_connection_that_breaks_without_a_word_is_a_disconnect(
    studio: ScriptedStudio, handler: RecordingHandler, start: StartSession
) -> None:
    running = start()
    handler.wait_frame(Welcome)
    studio.session().sever()
    assert running.result().reason is EndReason.DISCONNECTED


def test_text_that_is_no_utf8_ends_the_connection_but_not_the_worker(
    studio: ScriptedStudio, handler: RecordingHandler, start: StartSession
) -> None:
    running = start()
    handler.wait_frame(Welcome)
    studio.session().send_invalid_utf8()
    assert running.result().reason is EndReason.DISCONNECTED


def test_a_stop_sends_what_is_queued_and_the_last_logs_and_closes_normally(
    studio: ScriptedStudio, handler: RecordingHandler, start: StartSession
) -> None:
    running = start(timings=Timings(heartbeat=60, logs=60, flush=5, stop_poll=0.01))
    handler.wait_frame(Welcome)
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
    studio: ScriptedStudio, handler: RecordingHandler, start: StartSession
) -> None:
    running = start()
    handler.wait_frame(Welcome)
    running.session.close()
    assert running.result().reason is EndReason.STOPPED
    assert studio.session().wait_ended()
    assert studio.session().close_code == 1000


def test_log_entries_of_a_batch_that_was_not_sent_come_back(
    studio: ScriptedStudio, handler: RecordingHandler, start: StartSession
) -> None:
    with FaultProxy(("127.0.0.1", studio.port)) as proxy:
        timings = Timings(heartbeat=60, logs=0.02, silence=60, goodbye=0.3, stop_poll=0.01)
        running = start(proxy.url, timings)
        handler.wait_frame(Welcome)
        proxy.stall()
        # One batch longer than the socket buffers of both ends hold together.
        handler.add_log(*["x" * 3_000_000] * 5)
        handler.wait_for("take_logs")
        proxy.reset()
        assert running.result().reason is EndReason.DISCONNECTED
        assert len(handler.wait_for("put_back_logs")) == 5


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
    start: StartSession,
    caplog: pytest.LogCaptureFixture,
) -> None:
    studio.token = "very-secret-token"
    with caplog.at_level(logging.DEBUG):
        running = start()
        handler.wait_frame(Welcome)
        studio.session().send_raw("nonsense")
        studio.session().send(ErrorFrame("auth_failed", "no"))
        with pytest.raises(SessionRefused):
            running.result()
    assert "very-secret-token" not in caplog.text
    assert "very-secret-token" not in repr(studio.session().frames)
