"""Ending a connection below the WebSocket layer, over TLS, where most studios are."""

from __future__ import annotations

import shutil
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from studio_worker_core.secrets import Secret
from studio_worker_core.session import EndReason, HandlerFrame, Outlet, Session, Timings
from studio_worker_core.studio_client.socket import open_socket
from studio_worker_core.wire.frames import CompleteJson, Welcome
from tests.support.recording_handler import RecordingHandler
from tests.support.scripted_studio import ScriptedStudio
from tests.support.tcp_proxy import FaultProxy

OPENSSL = shutil.which("openssl")

pytestmark = pytest.mark.skipif(OPENSSL is None, reason="needs the openssl command")


@pytest.fixture
def tls_studio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedStudio]:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = [
        *(str(OPENSSL), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
        *("-nodes", "-days", "2", "-subj", "/CN=localhost", "-keyout", str(key)),
        *("-out", str(certificate), "-addext", "subjectAltName=DNS:localhost"),
    ]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with ScriptedStudio(tls=context) as studio:
        yield studio


@pytest.mark.parametrize("end", ["silence", "stop"])
def test_a_send_stuck_under_tls_does_not_keep_the_session(
    tls_studio: ScriptedStudio, end: str
) -> None:
    silence = 3.0 if end == "silence" else 60.0
    timings = Timings(heartbeat=0.1, silence=silence, flush=0.3, goodbye=0.3, stop_poll=0.01)
    stop = threading.Event()
    with FaultProxy(("127.0.0.1", tls_studio.port)) as proxy:
        url = f"https://localhost:{proxy.port}/"
        token = Secret(tls_studio.token)
        connection = open_socket(url, tls_studio.worker_id, token)

        class Stalling(RecordingHandler):
            """Blocks the writer as soon as the session is open."""

            def on_frame(self, session: Outlet, frame: HandlerFrame) -> None:
                assert isinstance(frame, Welcome)
                proxy.stall()
                assert session.send(CompleteJson("job-1", "x" * 15_000_000))
                if end == "stop":
                    stop.set()

        session = Session(connection, Stalling(), token, timings=timings)
        ended = session.run(stop)
    assert ended.reason is (EndReason.SILENT if end == "silence" else EndReason.STOPPED)
    assert not connection.recv_events_thread.is_alive()


def test_a_severed_tls_connection_is_a_disconnect(
    tls_studio: ScriptedStudio, handler: RecordingHandler
) -> None:
    token = Secret(tls_studio.token)
    connection = open_socket(tls_studio.url, tls_studio.worker_id, token)
    session = Session(connection, handler, token, timings=Timings(stop_poll=0.01))

    def sever() -> None:
        handler.wait_frame(Welcome)
        tls_studio.session().sever()

    severing = threading.Thread(target=sever)
    severing.start()
    ended = session.run(threading.Event())
    severing.join(60)
    assert ended.reason is EndReason.DISCONNECTED
