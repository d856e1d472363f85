"""Servers that are no studio, and proxies: words with a remedy, on every call alike."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from studio_worker_core.errors import (
    HttpStatusError,
    SessionRefused,
    StudioError,
    TransportError,
    WireError,
)
from studio_worker_core.secrets import Secret
from studio_worker_core.studio_client.http import StudioClient
from studio_worker_core.studio_client.socket import open_socket
from studio_worker_core.studio_client.upload import ResultUpload
from studio_worker_core.wire.capabilities import Capabilities
from studio_worker_core.wire.registration import RegisterRequest
from tests.studio_client.servers import Answer, HttpServer, StartRaw, read_head
from tests.support.ports import refusing_port

TOKEN = Secret("t0ken")
PAGE = (
    b"<!DOCTYPE html>\n<html><head><title>Sign in to\n Corp &amp; Co</title></head>" + b"x" * 9000
)


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def calls(capabilities: Capabilities, tmp_path: Path) -> dict[str, Callable[[str], object]]:
    """Every call to a studio, by its name in messages."""
    request = RegisterRequest("i-1", "ab" * 32, capabilities, "studio-worker/x")
    file = tmp_path / "x.png"
    file.write_bytes(b"result")

    def complete(url: str) -> None:
        upload = ResultUpload(file, "png", "image/png", "x", "j-1.png")
        StudioClient(url).complete("w-1", TOKEN, "j-1", upload)

    return {
        "register-request": lambda url: StudioClient(url).register_request(request),
        "register-poll": lambda url: StudioClient(url).poll_registration("rr-1", TOKEN),
        "complete": complete,
        "connect": lambda url: open_socket(url, "w-1", TOKEN),
    }


CALLS = ("register-request", "register-poll", "complete", "connect")


def said_by(call: Callable[[str], object], url: str) -> str:
    with pytest.raises((StudioError, WireError)) as caught:
        call(url)
    said = str(caught.value)
    assert "<" not in said
    assert "Error" not in said
    assert "Invalid" not in said
    assert "Errno" not in said
    assert len(said) < 500
    return said


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("status", [200, 400, 401, 403, 404, 405, 500, 502])
def test_a_page_is_named_and_never_repeated(
    http_server: HttpServer, calls: dict[str, Callable[[str], object]], name: str, status: int
) -> None:
    http_server.respond = lambda _: Answer(status, PAGE, {"Content-Type": "text/html"})
    if status in (401, 404) and name in ("register-poll", "connect"):
        return  # the studio's own words for "not known", page or not
    said = said_by(calls[name], http_server.url)
    if (name, status) != ("connect", 200):
        assert "a web page (“Sign in to Corp & Co”)" in said
        assert "?" in said, "what to look at"


@pytest.mark.parametrize("name", ["register-poll", "connect"])
@pytest.mark.parametrize("status", [401, 404])
def test_a_studio_that_has_forgotten_this_worker_may_say_so_in_a_page(
    http_server: HttpServer, calls: dict[str, Callable[[str], object]], name: str, status: int
) -> None:
    for body in (PAGE, b'{"error":"not_found"}', b""):
        http_server.respond = lambda _, body=body: Answer(status, body)  # type: ignore[misc]
        if name == "connect":
            with pytest.raises(SessionRefused):
                calls[name](http_server.url)
        else:
            assert calls[name](http_server.url) is None


def test_a_page_with_200_is_no_delivery(
    http_server: HttpServer, calls: dict[str, Callable[[str], object]]
) -> None:
    http_server.respond = lambda _: Answer(200, PAGE, {"Content-Type": "text/html"})
    with pytest.raises(TransportError, match="in place of a studio") as caught:
        calls["complete"](http_server.url)
    assert caught.value.is_transient
    for body in (b"", b"ok", b"{}", b'{"note":"<html>"}'):
        http_server.respond = lambda _, body=body: Answer(200, body)  # type: ignore[misc]
        calls["complete"](http_server.url)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "it is empty"),
        (b"\x00\xff" * 20, "it is no JSON"),
        (b"pong", "it is no JSON"),
        (b"[1]", "it is no JSON object"),
        (b'{"hello":"world"}', "'requestId' is missing"),
        (b'{"requestId":5}', "requestId: expected text, got a whole number"),
    ],
)
def test_what_another_program_answers_is_said_with_the_doubt(
    http_server: HttpServer, calls: dict[str, Callable[[str], object]], body: bytes, words: str
) -> None:
    http_server.respond = lambda _: Answer(200, body, {"Content-Type": "application/json"})
    said = said_by(calls["register-request"], http_server.url)
    assert said == (
        f"the answer to register-request: {words}; is api_base_url the address of a studio?"
    )


@pytest.mark.parametrize("body", [b'{"detail":"Not Found"}', b"404 page not found", b""])
def test_an_address_without_registration_is_no_studio(
    http_server: HttpServer, calls: dict[str, Callable[[str], object]], body: bytes
) -> None:
    http_server.respond = lambda _: Answer(404, body)
    assert "nobody takes registrations there" in said_by(calls["register-request"], http_server.url)


@pytest.mark.parametrize("name", CALLS)
def test_a_redirect_to_a_login_is_told_from_a_move(
    http_server: HttpServer, calls: dict[str, Callable[[str], object]], name: str
) -> None:
    http_server.respond = lambda _: Answer(302, b"", {"Location": "https://login.example/?a=b"})
    said = said_by(calls[name], http_server.url)
    assert "redirects to https://login.example (302)" in said
    assert "a login in front of it cannot be passed" in said
    http_server.respond = lambda _: Answer(301, b"", {"Location": "https://127.0.0.1/x"})
    assert said_by(calls[name], http_server.url).endswith("set api_base_url to the final address")


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"SSH-2.0-OpenSSH_9.6\r\n", "not HTTP"),
        (b"", "cut the connection"),
        (b"\x15\x03\x01\x00\x02\x02\x46", "write https:// in the address"),
        (b"\x00" * 40 + b"\r\n\r\n", "not HTTP"),
    ],
)
def test_a_server_that_speaks_no_http_is_said_in_words(
    raw_server: StartRaw,
    calls: dict[str, Callable[[str], object]],
    name: str,
    data: bytes,
    words: str,
) -> None:
    def behave(connection: socket.socket) -> None:
        read_head(connection)
        connection.sendall(data)

    said = said_by(calls[name], raw_server(behave).url)
    if name in ("register-request", "register-poll") or not data.startswith(b"\x15"):
        assert words in said


@pytest.mark.parametrize("name", CALLS)
def test_https_to_a_port_without_tls_is_said_in_words(
    http_server: HttpServer, calls: dict[str, Callable[[str], object]], name: str
) -> None:
    said = said_by(calls[name], http_server.url.replace("http:", "https:"))
    assert "no TLS connection can be made" in said


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("host", ["no-such-host.invalid", "a" * 80 + ".invalid"])
def test_a_name_nobody_has_is_said_in_words(
    calls: dict[str, Callable[[str], object]], name: str, host: str
) -> None:
    assert "the name of the studio" in said_by(calls[name], f"http://{host}/")


@pytest.fixture(params=["http", "https"])
def far(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """Name a proxy in the environment; the address of a studio that it is asked for."""

    def through(proxy: str) -> str:
        monkeypatch.setenv("http_proxy", proxy)
        monkeypatch.setenv("https_proxy", proxy)
        return f"{request.param}://studio.example/"

    return through


@pytest.mark.parametrize("name", CALLS)
def test_a_proxy_that_is_down(
    calls: dict[str, Callable[[str], object]], name: str, far: Callable[[str], str]
) -> None:
    with refusing_port() as port:
        said = said_by(calls[name], far(f"http://user:s3cret@127.0.0.1:{port}"))
    assert "the proxy of HTTPS_PROXY or HTTP_PROXY cannot be used: nothing listens there" in said
    assert "s3cret" not in said


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("body", [b"", PAGE])
def test_a_proxy_that_wants_a_login(
    raw_server: StartRaw,
    calls: dict[str, Callable[[str], object]],
    name: str,
    far: Callable[[str], str],
    body: bytes,
) -> None:
    def behave(connection: socket.socket) -> None:
        read_head(connection)
        head = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: %d\r\n\r\n"
        connection.sendall(head % len(body) + body)

    said = said_by(calls[name], far(raw_server(behave).url))
    assert "the proxy wants a login; put it into HTTPS_PROXY" in said


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("proxy", ["socks5h://user:s3cret@127.0.0.1:1", "http://:port"])
def test_a_proxy_that_cannot_be_used(
    calls: dict[str, Callable[[str], object]],
    name: str,
    far: Callable[[str], str],
    proxy: str,
) -> None:
    said = said_by(calls[name], far(proxy))
    assert "names a socks5h proxy" in said or "write it as http://host:port" in said
    assert "s3cret" not in said


def test_a_studio_that_answers_with_its_own_words_is_quoted(http_server: HttpServer) -> None:
    http_server.answer_json({"error": "busy", "message": "<3 later"}, status=409)
    with pytest.raises(HttpStatusError) as caught:
        StudioClient(http_server.url).poll_registration("rr-1", TOKEN)
    assert caught.value.body == '{"error": "busy", "message": "<3 later"}'


@pytest.mark.parametrize(("status", "code"), [(401, "auth_failed"), (404, "worker_deleted")])
def test_what_is_refused_in_http_1_0_is_refused(
    raw_server: StartRaw, status: int, code: str
) -> None:
    def behave(connection: socket.socket) -> None:
        read_head(connection)
        connection.sendall(b"HTTP/1.0 %d No\r\nServer: old\r\n\r\n<html>gone</html>" % status)

    with pytest.raises(SessionRefused) as refused:
        open_socket(raw_server(behave).url, "w-1", TOKEN)
    assert refused.value.code == code


def test_what_is_refused_in_http_1_0_may_come_a_byte_at_a_time(raw_server: StartRaw) -> None:
    def behave(connection: socket.socket) -> None:
        read_head(connection)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in b"HTTP/1.0 401 No\r\n\r\n":
            connection.sendall(bytes([byte]))

    with pytest.raises(SessionRefused) as refused:
        open_socket(raw_server(behave).url, "w-1", TOKEN)
    assert refused.value.code == "auth_failed"


@pytest.mark.parametrize("answer", [b"", b"HTT", b"HTTP/1.0 ", b"HTTP/0.9 200 OK\r\n\r\n"])
def test_an_answer_that_ends_too_early_or_is_no_http_is_none(
    raw_server: StartRaw, answer: bytes
) -> None:
    def behave(connection: socket.socket) -> None:
        read_head(connection)
        connection.sendall(answer)

    with pytest.raises(TransportError):
        open_socket(raw_server(behave).url, "w-1", TOKEN)
