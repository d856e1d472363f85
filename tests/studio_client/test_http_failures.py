"""A call that fails says so in one line, in time, and whatever the studio does."""

from __future__ import annotations

import gzip
import socket
import threading
from collections.abc import Callable

import pytest

from studio_worker_core.errors import HttpStatusError, TransportError, WireError
from studio_worker_core.secrets import Secret
from studio_worker_core.studio_client.http import StudioClient
from studio_worker_core.wire.registration import RegisterRequest
from tests.studio_client.servers import Answer, HttpServer, StartRaw, read_head
from tests.support.ports import refusing_port

SECRET = Secret("5ecre7" * 10)


def _raw(answer: bytes) -> Callable[[socket.socket], None]:
    def behave(connection: socket.socket) -> None:
        read_head(connection)
        connection.sendall(answer)

    return behave


@pytest.mark.parametrize("status", [400, 403, 409, 429, 500, 503])
def test_an_answer_outside_2xx_is_an_error_with_status_and_body(
    http_server: HttpServer, request_body: RegisterRequest, status: int
) -> None:
    http_server.respond = lambda _: Answer(status, b"too much \x1b[31m", {"Retry-After": "7"})
    with pytest.raises(HttpStatusError) as caught:
        StudioClient(http_server.url).register_request(request_body)
    error = caught.value
    assert (error.op, error.status, error.retry_after) == ("register-request", status, 7.0)
    assert str(error) == f"register-request failed: {status} — too much \\x1b[31m"
    assert error.is_transient == (status >= 500)


@pytest.mark.parametrize(
    "body",
    [b"", b"not json", b"[]", b"{}", b'{"status":"granted"}', b'{"status":"approved"}', b"\xff"],
)
def test_a_decision_that_makes_no_sense_is_a_wire_error(
    http_server: HttpServer, body: bytes
) -> None:
    http_server.respond = lambda _: Answer(200, body)
    with pytest.raises(WireError, match="register-poll"):
        StudioClient(http_server.url).poll_registration("rr-1", SECRET)


def test_a_redirect_is_not_followed_and_names_the_remedy(
    http_server: HttpServer, request_body: RegisterRequest
) -> None:
    thief = HttpServer()
    place = {"Location": f"{thief.url}graphics/api"}
    try:
        for status in (301, 302, 307, 308):
            answer = Answer(status, b"", place)
            http_server.respond = lambda _, answer=answer: answer  # type: ignore[misc]
            client = StudioClient(http_server.url)
            with pytest.raises(TransportError, match=rf"{thief.port} \({status}\).*api_base_url"):
                client.poll_registration("rr-1", SECRET)
            with pytest.raises(TransportError, match="api_base_url"):
                client.register_request(request_body)
        assert thief.seen == []
    finally:
        thief.close()


def test_an_endless_error_body_is_read_to_64_kib_only(raw_server: StartRaw) -> None:
    def behave(connection: socket.socket) -> None:
        read_head(connection)
        connection.sendall(b"HTTP/1.1 500 Oops\r\n\r\n")
        while True:
            connection.sendall(b"x" * 65536)

    server = raw_server(behave)
    with pytest.raises(HttpStatusError) as caught:
        StudioClient(server.url).poll_registration("rr-1", SECRET)
    assert len(caught.value.body) == 64 * 1024


def test_an_oversized_answer_is_a_wire_error(raw_server: StartRaw) -> None:
    def behave(connection: socket.socket) -> None:
        read_head(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            connection.sendall(b" " * (1 << 20))

    with pytest.raises(WireError, match="over 16777216 bytes"):
        StudioClient(raw_server(behave).url).poll_registration("rr-1", SECRET)


def test_an_answer_that_drips_for_ever_is_given_up(raw_server: StartRaw) -> None:
    over = threading.Event()

    def behave(connection: socket.socket) -> None:
        read_head(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while not over.wait(0.05):
            connection.sendall(b" ")

    try:
        # The second where the peer was not given a turn for so long.
        with pytest.raises(TransportError, match=r"took over 0\.3 s|timed out"):
            StudioClient(raw_server(behave).url, timeout=0.3).poll_registration("rr-1", SECRET)
    finally:
        over.set()


def test_a_compressed_answer_nobody_asked_for_is_not_unpacked(http_server: HttpServer) -> None:
    bomb = gzip.compress(b" " * (1 << 24))
    http_server.respond = lambda _: Answer(200, bomb, {"Content-Encoding": "gzip"})
    with pytest.raises(WireError):
        StudioClient(http_server.url).poll_registration("rr-1", SECRET)
    assert http_server.seen[0].headers["accept-encoding"] == "identity"


@pytest.mark.parametrize(
    "answer",
    [b"", b"HTTP/1.1", b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"],
)
def test_a_connection_that_breaks_off_is_a_transport_error(
    raw_server: StartRaw, answer: bytes
) -> None:
    with pytest.raises(TransportError) as caught:
        StudioClient(raw_server(_raw(answer)).url).poll_registration("rr-1", SECRET)
    assert caught.value.is_transient


def test_a_studio_that_is_not_there_is_one_clear_line(request_body: RegisterRequest) -> None:
    with refusing_port() as port, pytest.raises(TransportError) as caught:
        StudioClient(f"http://127.0.0.1:{port}").register_request(request_body)
    assert str(caught.value) == (
        "register-request failed: nothing listens there (connection refused); is the studio "
        "running, and is api_base_url right?"
    )


def test_silence_is_given_up_after_the_time_limit(raw_server: StartRaw) -> None:
    over = threading.Event()
    server = raw_server(lambda connection: void(over.wait(60)))
    with pytest.raises(TransportError, match="timed out"):
        StudioClient(server.url, timeout=0.2).poll_registration("rr-1", SECRET)
    over.set()


def void(_: object) -> None:
    """Takes a value and gives none."""
