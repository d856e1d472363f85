"""Certificates: one setting is enough for HTTP and WebSocket alike."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from websockets.sync.server import ServerConnection, serve

from studio_worker_core.errors import ConfigError, TransportError
from studio_worker_core.secrets import Secret
from studio_worker_core.studio_client.http import StudioClient
from studio_worker_core.studio_client.socket import open_socket
from studio_worker_core.wire.registration import PendingDecision
from tests.studio_client.servers import RawServer, read_head

TOKEN = Secret("t0ken")
OPENSSL = shutil.which("openssl")

pytestmark = pytest.mark.skipif(OPENSSL is None, reason="needs the openssl command")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("tls")
    path = directory / "both.pem"
    command = [
        *(str(OPENSSL), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
        *("-nodes", "-days", "2", "-subj", "/CN=localhost", "-keyout", str(path)),
        *("-out", str(directory / "cert.pem"), "-addext", "subjectAltName=DNS:localhost"),
    ]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    with path.open("ab") as file:
        file.write((directory / "cert.pem").read_bytes())
    return path


@pytest.fixture
def server_context(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


@pytest.fixture
def https_url(
    raw_server: Callable[[Callable[[socket.socket], None]], RawServer],
    server_context: ssl.SSLContext,
) -> str:
    def behave(plain: socket.socket) -> None:
        with server_context.wrap_socket(plain, server_side=True) as connection:
            read_head(connection)
            body = b'{"status":"pending"}'
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)

    return f"https://localhost:{raw_server(behave).port}"


def _until_closed(connection: ServerConnection) -> None:
    for _ in connection:
        pass


@pytest.fixture
def wss_url(server_context: ssl.SSLContext) -> Iterator[str]:
    with serve(_until_closed, "localhost", 0, ssl=server_context) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"https://localhost:{server.socket.getsockname()[1]}"
        server.shutdown()
        thread.join(timeout=60)


def test_a_certificate_nobody_vouches_for_is_refused(https_url: str, wss_url: str) -> None:
    with pytest.raises(TransportError, match="certificate is not valid: self-signed"):
        StudioClient(https_url).poll_registration("rr-1", TOKEN)
    with pytest.raises(TransportError, match="certificate is not valid: self-signed"):
        open_socket(wss_url, "w-1", TOKEN)


def test_an_authority_of_the_operators_own_serves_both(
    https_url: str, wss_url: str, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate.with_name("cert.pem")))
    assert StudioClient(https_url).poll_registration("rr-1", TOKEN) == PendingDecision()
    open_socket(wss_url, "w-1", TOKEN).close()


def test_a_bundle_that_is_not_there_is_a_clear_error(
    wss_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "gone.pem"))
    with pytest.raises(ConfigError, match="REQUESTS_CA_BUNDLE"):
        open_socket(wss_url, "w-1", TOKEN)
    with pytest.raises(ConfigError, match="REQUESTS_CA_BUNDLE"):
        StudioClient(wss_url)
