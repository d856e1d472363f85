"""Opening the session's WebSocket against real servers."""

from __future__ import annotations

import logging
import socket
import threading
import traceback
from typing import Any

import pytest
from websockets.client import ClientProtocol
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.sync.server import ServerConnection
from websockets.uri import parse_uri

from studio_worker_core import __version__
from studio_worker_core.errors import ConfigError, HttpStatusError, SessionRefused, TransportError
from studio_worker_core.secrets import Secret
from studio_worker_core.studio_client.socket import _Connection, open_socket, refuse_own_port
from studio_worker_core.wire.bounds import MAX_FRAME_BYTES
from studio_worker_core.wire.frames import SUBPROTOCOL
from tests.studio_client.servers import HttpServer, StartRaw, read_head
from tests.studio_client.session_studios import TOKEN, session_studio, until_closed
from tests.support.ports import refusing_port


def test_a_studio_that_closes_at_once_still_gives_a_connection() -> None:
    for _ in range(20):
        with session_studio(lambda connection: connection.close(4003, "twice")) as url:
            connection = open_socket(url, "w-1", TOKEN)
            with pytest.raises(ConnectionClosed) as caught:
                connection.recv(timeout=60)
            assert caught.value.rcvd is not None
            assert caught.value.rcvd.code == 4003


def test_the_upgrade_is_what_the_protocol_says() -> None:
    asked: list[Request] = []

    def handler(connection: ServerConnection) -> None:
        assert connection.request is not None
        asked.append(connection.request)
        connection.send(connection.recv())

    with (
        session_studio(handler, subprotocols=[SUBPROTOCOL]) as url,
        open_socket(url + "/custom/graphics/api/", "w-1", TOKEN) as connection,
    ):
        connection.send("hello")
        assert connection.recv(timeout=60) == "hello"
        assert connection.subprotocol == SUBPROTOCOL
        assert asked[0].path == "/custom/graphics/api/workers/w-1/connect"
        assert asked[0].headers["Authorization"] == f"Bearer {TOKEN.reveal()}"
        assert asked[0].headers["User-Agent"] == f"studio-worker/{__version__}"
        assert "Sec-WebSocket-Extensions" not in asked[0].headers


def test_a_studio_without_the_sub_protocol_is_accepted_with_a_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with (
        session_studio(until_closed) as url,
        open_socket(url, "w-1", TOKEN) as connection,
    ):
        assert connection.subprotocol is None
    assert "did not confirm the sub-protocol" in caplog.text


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="Linux only")
def test_unacknowledged_data_ends_the_connection_after_20_seconds() -> None:
    with (
        session_studio(until_closed) as url,
        open_socket(url, "w-1", TOKEN) as connection,
    ):
        option = connection.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
        assert option == 20_000


def test_a_frame_over_the_limit_ends_the_connection() -> None:
    def handler(connection: ServerConnection) -> None:
        connection.send("x" * (MAX_FRAME_BYTES + 1))
        connection.recv()

    with (
        session_studio(handler) as url,
        open_socket(url, "w-1", TOKEN) as connection,
    ):
        with pytest.raises(ConnectionClosed) as caught:
            connection.recv(timeout=60)
        assert caught.value.sent is not None
        assert caught.value.sent.code == 1009


def _answering(status: int, body: str = "", **headers: str) -> dict[str, Any]:
    def process(connection: ServerConnection, _: Request) -> Response:
        response = connection.respond(status, body)
        for name, value in headers.items():
            response.headers[name.replace("_", "-")] = value
        return response

    return {"process_request": process}


def _unreached(connection: ServerConnection) -> None:
    pytest.fail("the upgrade should have been refused")


def test_a_401_on_the_upgrade_is_final_and_names_the_remedy() -> None:
    with (
        session_studio(_unreached, **_answering(401, "no")) as url,
        pytest.raises(SessionRefused, match="register --reset") as caught,
    ):
        open_socket(url, "w-1", TOKEN)
    assert caught.value.code == "auth_failed"


@pytest.mark.parametrize(("status", "transient"), [(403, False), (429, False), (503, True)])
def test_any_other_answer_is_an_error_with_its_status(status: int, transient: bool) -> None:
    with (
        session_studio(_unreached, **_answering(status, "later\x1b", Retry_After="9")) as url,
        pytest.raises(HttpStatusError) as caught,
    ):
        open_socket(url, "w-1", TOKEN)
    error = caught.value
    assert (error.op, error.status, error.body, error.retry_after) == (
        "connect",
        status,
        "later\\x1b",
        9.0,
    )
    assert error.is_transient is transient


def test_a_redirect_is_not_followed(http_server: HttpServer) -> None:
    for target in (http_server.url, http_server.url.replace("http", "ws"), "/elsewhere"):
        with (
            session_studio(_unreached, **_answering(307, "", Location=target)) as url,
            pytest.raises(TransportError, match="api_base_url"),
        ):
            open_socket(url, "w-1", TOKEN)
    assert http_server.seen == []


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
        b"SSH-2.0-OpenSSH\r\n",
        b"\x00" * 1000,
    ],
)
def test_an_answer_that_is_no_upgrade_is_a_transport_or_status_error(
    raw_server: StartRaw, answer: bytes
) -> None:
    def behave(connection: socket.socket) -> None:
        read_head(connection)
        connection.sendall(answer)

    with pytest.raises((TransportError, HttpStatusError)) as caught:
        open_socket(raw_server(behave).url, "w-1", TOKEN)
    assert TOKEN.reveal() not in "".join(traceback.format_exception(caught.value))


def test_tcp_and_upgrade_share_one_time_limit(raw_server: StartRaw) -> None:
    over = threading.Event()

    def drip(connection: socket.socket) -> None:
        read_head(connection)
        connection.sendall(b"HTTP/1.1 101 Switching Protocols\r\n")
        while not over.wait(0.05):
            connection.sendall(b"X-Wait: 1\r\n")

    try:
        with pytest.raises(TransportError, match=r"not connected within 0\.4 s"):
            open_socket(raw_server(drip).url, "w-1", TOKEN, timeout=0.4)
    finally:
        over.set()


def test_a_backlog_that_never_accepts_shares_it_too() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        port = listener.getsockname()[1]
        waiting = [socket.socket() for _ in range(4)]
        for sock in waiting:
            sock.setblocking(False)
            sock.connect_ex(("127.0.0.1", port))
        try:
            with pytest.raises(TransportError, match="not connected within"):
                open_socket(f"http://127.0.0.1:{port}", "w-1", TOKEN, timeout=0.3)
        finally:
            for sock in waiting:
                sock.close()


def test_a_studio_that_is_not_there_is_one_clear_line() -> None:
    with (
        refusing_port() as port,
        pytest.raises(TransportError, match="connect failed: nothing listens there"),
    ):
        open_socket(f"http://127.0.0.1:{port}", "w-1", TOKEN)


def test_a_name_that_resolves_to_a_dead_and_a_live_address_connects(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with session_studio(until_closed) as url, refusing_port() as dead:
        port = int(url.rsplit(":", 1)[1])
        found = [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", dead)),
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port)),
        ]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
        open_socket("http://localhost:1", "w-1", TOKEN).close()


def test_a_token_that_is_no_header_value_is_refused_unseen() -> None:
    with pytest.raises(ConfigError) as caught:
        open_socket("http://127.0.0.1:9", "w-1", Secret("a\r\nb"))
    assert "a\r\nb" not in str(caught.value)


def test_the_token_is_not_logged_even_at_debug(caplog: pytest.LogCaptureFixture) -> None:
    def handler(connection: ServerConnection) -> None:
        connection.recv()

    with (
        caplog.at_level(logging.DEBUG),
        session_studio(handler, logger=logging.Logger("studio")) as url,
        open_socket(url, "w-1", TOKEN) as connection,
    ):
        connection.send('{"type":"hello","authToken":"t0ken-that-stays-hidden"}')
    assert TOKEN.reveal() not in caplog.text


def test_a_loopback_studio_is_reached_without_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    with session_studio(until_closed) as url:
        open_socket(url, "w-1", TOKEN).close()


def test_a_studio_elsewhere_is_reached_through_the_proxy(
    raw_server: StartRaw, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bytes] = []

    def proxy(connection: socket.socket) -> None:
        asked.append(read_head(connection)[0])
        connection.sendall(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n")

    monkeypatch.setenv("http_proxy", raw_server(proxy).url)
    monkeypatch.setenv("https_proxy", raw_server(proxy).url)
    monkeypatch.delenv("no_proxy", raising=False)
    with pytest.raises(TransportError):
        open_socket("http://studio.example:8080", "w-1", TOKEN)
    assert asked[0].startswith(b"CONNECT studio.example:8080")
    assert TOKEN.reveal().encode() not in asked[0]


def test_a_socket_connected_to_itself_is_no_studio() -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.connect(sock.getsockname())
        with pytest.raises(ConnectionRefusedError):
            refuse_own_port(sock)


def test_a_connection_that_ends_before_the_request_is_a_failed_attempt() -> None:
    ours, theirs = socket.socketpair()
    connection = _Connection(ours, ClientProtocol(parse_uri("ws://127.0.0.1/x")))
    theirs.close()
    connection.recv_events_thread.join(60)
    with pytest.raises(TransportError, match="the studio cut the connection"):
        connection.handshake()
