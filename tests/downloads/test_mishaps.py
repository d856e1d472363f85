"""What goes wrong on the way to a file is said in words that tell what to do."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest

from studio_worker_core.downloads.downloading import Downloader
from studio_worker_core.downloads.fetching import Fetcher
from studio_worker_core.downloads.hub import HubToken
from studio_worker_core.errors import DownloadFailed
from studio_worker_core.models.store import ModelStore
from studio_worker_core.secrets import Secret
from tests.downloads.file_server import Answer, FileServer, Kitchen, one_file
from tests.support.ports import refusing_port

FAR = "https://hub.example/m.bin"


@contextlib.contextmanager
def answering(data: bytes) -> Iterator[int]:
    """The port of a server that says ``data`` to everyone who connects."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    peer, _ = listener.accept()
                    with peer, contextlib.suppress(OSError):
                        peer.recv(65536)
                        peer.sendall(data)
                        _hang_up(peer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(60)


def _hang_up(peer: socket.socket) -> None:
    """End the connection in order: closed with bytes unread, it is reset, and that may take the
    answer with it."""
    peer.shutdown(socket.SHUT_WR)
    peer.settimeout(60)
    while peer.recv(65536):
        pass


def failure(kitchen: Kitchen, url: str) -> str:
    with pytest.raises(DownloadFailed) as caught:
        kitchen.store().ensure(one_file(url), "tiny")
    said = str(caught.value)
    assert "Errno" not in said
    assert "Error" not in said
    assert "<" not in said
    return said


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def test_a_closed_port(kitchen: Kitchen) -> None:
    with refusing_port() as port:
        assert "nothing listens there" in failure(kitchen, f"http://127.0.0.1:{port}/m.bin")


@pytest.mark.parametrize("data", [b"SSH-2.0-OpenSSH_9.6\r\n", b"<html>hello</html>\r\n\r\n"])
def test_a_server_that_speaks_no_http(kitchen: Kitchen, data: bytes) -> None:
    with answering(data) as port:
        assert "not HTTP" in failure(kitchen, f"http://127.0.0.1:{port}/m.bin")


def test_a_server_that_says_nothing(kitchen: Kitchen) -> None:
    with answering(b"") as port:
        assert "cut the connection" in failure(kitchen, f"http://127.0.0.1:{port}/m.bin")


def test_a_server_without_tls(kitchen: Kitchen) -> None:
    with answering(b"HTTP/1.1 400 Bad Request\r\n\r\n") as port:
        assert "no TLS connection" in failure(kitchen, f"https://127.0.0.1:{port}/m.bin")


def test_more_headers_than_any_server_sends(kitchen: Kitchen) -> None:
    flood = b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 5000 + b"\r\n"
    with answering(flood) as port:
        assert failure(kitchen, f"http://127.0.0.1:{port}/m.bin")


def test_a_certificate_of_nobody(kitchen: Kitchen, tls_server: FileServer) -> None:
    said = failure(kitchen, tls_server.url("/m.bin", "localhost"))
    assert "certificate is not valid" in said
    assert "SSL_CERT_FILE" in said


def test_a_bundle_that_is_not_there(kitchen: Kitchen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere.pem")
    assert "SSL_CERT_FILE names /nowhere.pem" in failure(kitchen, FAR)


def test_a_proxy_that_is_down(kitchen: Kitchen, monkeypatch: pytest.MonkeyPatch) -> None:
    with refusing_port() as port:
        monkeypatch.setenv("https_proxy", f"http://user:s3cret@127.0.0.1:{port}")
        said = failure(kitchen, FAR)
    assert "the proxy of HTTPS_PROXY" in said
    assert "nothing listens there" in said
    assert "s3cret" not in said


@pytest.mark.parametrize("body", [b"", b"<html>log in</html>"])
def test_a_proxy_that_wants_a_login(
    kitchen: Kitchen, monkeypatch: pytest.MonkeyPatch, body: bytes
) -> None:
    head = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: %d\r\n\r\n"
    with answering(head % len(body) + body) as port:
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{port}")
        assert "the proxy wants a login" in failure(kitchen, FAR)


def test_a_proxy_that_lets_nothing_through(
    kitchen: Kitchen, monkeypatch: pytest.MonkeyPatch
) -> None:
    with answering(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n") as port:
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{port}")
        assert "would not let it through (it answered 403)" in failure(kitchen, FAR)


def test_the_login_of_a_proxy_is_sent_to_it(
    kitchen: Kitchen, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = b""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            nonlocal heard
            peer, _ = listener.accept()
            with peer:
                heard = peer.recv(65536)
                peer.sendall(b"HTTP/1.1 407 Go Away\r\nContent-Length: 0\r\n\r\n")
                _hang_up(peer)

        thread = threading.Thread(target=serve)
        thread.start()
        port = listener.getsockname()[1]
        monkeypatch.setenv("https_proxy", f"http://user:p%40ss@127.0.0.1:{port}")
        failure(kitchen, FAR)
        thread.join(60)
    assert b"proxy-authorization: basic dXNlcjpwQHNz".lower() in heard.lower()


@pytest.mark.parametrize("variable", ["https_proxy", "all_proxy"])
def test_a_socks_proxy(kitchen: Kitchen, monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, "socks5h://user:s3cret@127.0.0.1:1080")
    said = failure(kitchen, FAR)
    assert f"{variable} names a socks5h proxy" in said
    assert "s3cret" not in said


def test_a_proxy_that_is_none(kitchen: Kitchen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://:port")
    assert "write it as http://host:port" in failure(kitchen, FAR)


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("has_token", [True, False])
def test_a_gated_model(server: FileServer, kitchen: Kitchen, status: int, has_token: bool) -> None:
    page = Answer(status=status, body=b"<html>You need to agree to share ...</html>")
    url = server.serve("/m.bin", b"x", page)
    token = HubToken(Secret("s3cret"), frozenset({f"127.0.0.1:{server.port}"}))
    downloader = Downloader(Fetcher(token=token if has_token else None))
    with pytest.raises(DownloadFailed) as caught:
        ModelStore(kitchen.root, downloader=downloader).ensure(one_file(url), "tiny")
    said = str(caught.value)
    assert "accept" in said
    assert ("does not open it" in said) is has_token
    assert ("set STUDIO_WORKER_HUB_TOKEN" in said) is not has_token
    assert "s3cret" not in said
    assert "<html" not in said


def test_a_busy_server_says_how_long(server: FileServer, kitchen: Kitchen) -> None:
    url = server.serve("/m.bin", b"x")
    server.always["/m.bin"] = Answer(status=429, headers={"Retry-After": "0"})
    assert "too many requests, and asks to wait 0 s" in failure(kitchen, url)
