"""A studio that falls silent, or takes nothing any more, is left in time."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from studio_worker_core.session import EndReason, HandlerFrame, Outlet, Timings
from studio_worker_core.wire.frames import Accept, CompleteJson, Heartbeat, HeartbeatAck, Welcome
from tests.session.conftest import StartSession
from tests.support.recording_handler import RecordingHandler
from tests.support.scripted_studio import ScriptedStudio
from tests.support.tcp_proxy import FaultProxy

SILENT_SOON = Timings(
    heartbeat=0.05, logs=0.02, silence=2.5, flush=1.0, goodbye=0.3, stop_poll=0.01
)


def test_a_studio_that_falls_silent_is_left(
    studio: ScriptedStudio, handler: RecordingHandler, start: StartSession
) -> None:
    running = start(timings=SILENT_SOON)
    handler.wait_frame(Welcome)
    studio.session().wait_for(Heartbeat, count=2)
    studio.acks_heartbeats = False
    ended = running.result()
    assert (ended.reason, ended.welcomed) == (EndReason.SILENT, True)


def test_acknowledged_heartbeats_keep_the_session_alive(
    studio: ScriptedStudio, handler: RecordingHandler, start: StartSession
) -> None:
    running = start(timings=Timings(heartbeat=0.2, silence=5.0, goodbye=0.3, stop_poll=0.01))
    # That many heartbeats take longer than the silence the session puts up with.
    studio.session().wait_for(Heartbeat, count=30)
    assert not handler.of("on_closed")
    running.stop.set()
    assert running.result().reason is EndReason.STOPPED


@pytest.mark.parametrize("directions", [("up",), ("down",), ("up", "down")])
def test_a_half_open_link_is_noticed(
    studio: ScriptedStudio,
    handler: RecordingHandler,
    start: StartSession,
    directions: tuple[Any, ...],
) -> None:
    with FaultProxy(("127.0.0.1", studio.port)) as proxy:
        running = start(proxy.url, SILENT_SOON)
        handler.wait_frame(Welcome)
        proxy.swallow(*directions)
        assert running.result().reason is EndReason.SILENT


@pytest.mark.parametrize("end", ["silence", "stop"])
def test_a_send_stuck_on_full_buffers_does_not_keep_the_session(
    studio: ScriptedStudio,
    handler: RecordingHandler,
    start: StartSession,
    end: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with FaultProxy(("127.0.0.1", studio.port)) as proxy:
        silence = 3.0 if end == "silence" else 60.0
        # More than the socket buffers of both ends hold together.
        result = "x" * 15_000_000
        timings = Timings(heartbeat=0.05, silence=silence, flush=0.3, goodbye=0.3, stop_poll=0.01)
        note = handler.on_frame

        def stalling(session: Outlet, frame: HandlerFrame) -> None:
            # In the session's own thread, so that a slow machine cannot end it before.
            proxy.stall()
            assert session.send(CompleteJson("job-1", result))
            assert session.send(Accept("job-2"))
            handler.add_log("kept")
            note(session, frame)

        monkeypatch.setattr(handler, "on_frame", stalling)
        running = start(proxy.url, timings)
        handler.wait_frame(Welcome)
        if end == "stop":
            running.stop.set()
        ended = running.result()
        assert ended.reason is (EndReason.SILENT if end == "silence" else EndReason.STOPPED)
        assert [entry.message for entry in handler.logs] == ["kept"]
        assert not running.session.send(Accept("job-3"))
        assert proxy.forwarded("up") < len(result)


def test_a_studio_that_does_not_read_overflows_the_queue_and_is_left(
    studio: ScriptedStudio, handler: RecordingHandler, start: StartSession
) -> None:
    with FaultProxy(("127.0.0.1", studio.port)) as proxy:
        running = start(proxy.url, Timings(heartbeat=60, silence=60, goodbye=0.3, stop_poll=0.01))
        handler.wait_frame(Welcome)
        proxy.stall()
        sent = [running.session.send(CompleteJson("job-1", "x" * 15_000_000)) for _ in range(9)]
        assert sent[0]
        assert not sent[-1]
        ended = running.result()
        assert ended.reason is EndReason.DISCONNECTED
        assert "does not take" in ended.detail


def test_a_flood_of_frames_does_not_stop_the_heartbeats(
    studio: ScriptedStudio, handler: RecordingHandler, start: StartSession
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
        thread.join(60)
