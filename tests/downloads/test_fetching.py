"""Hops, names, certificates and the hub's token, over real sockets."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import pytest

from studio_worker_core.downloads.addresses import AddressPolicy
from studio_worker_core.downloads.fetching import Fetcher
from studio_worker_core.downloads.hub import HubToken
from studio_worker_core.downloads.transfers import HungUp, TransferLine
from studio_worker_core.errors import DownloadFailed, SourceRefused
from studio_worker_core.secrets import Secret
from tests.downloads.file_server import Answer, FileServer

HERE = AddressPolicy(allow_loopback=True)


def get(fetcher: Fetcher, url: str, policy: AddressPolicy = HERE) -> bytes:
    with fetcher.open(url, policy, TransferLine()) as response:
        assert response.status == 200
        return response.read()


def redirect(target: str, status: int = 302) -> Answer:
    return Answer(status=status, headers={"Location": target})


def test_redirects_are_followed_to_the_file(server: FileServer) -> None:
    server.serve("/real", b"bytes")
    url = server.serve("/a", b"", redirect("/b", 301))
    server.serve("/b", b"", redirect(server.url("/real"), 307))
    assert get(Fetcher(), url) == b"bytes"


@pytest.mark.parametrize(
    "target",
    [
        "http://10.0.0.1/secret",
        "https://192.168.0.1/secret",
        "http://169.254.169.254/latest/meta-data",
        "http://[::ffff:10.0.0.1]/",
        "file:///etc/passwd",
        "ftp://127.0.0.1/",
        "http://0.0.0.0/",
        "http://example.com/plain",
        "http://user:pw@127.0.0.1/",
    ],
)
def test_a_redirect_to_a_forbidden_address_is_refused(server: FileServer, target: str) -> None:
    url = server.serve("/a", b"", redirect(target))
    with pytest.raises(SourceRefused):
        get(Fetcher(), url)


def test_a_redirect_that_never_ends_is_given_up(server: FileServer) -> None:
    url = server.serve("/a", b"")
    server.always["/a"] = redirect("/a")
    with pytest.raises(DownloadFailed, match="redirects more than"):
        get(Fetcher(), url)
    assert len(server.requests) == 8


def test_a_public_name_that_points_at_this_machine_is_refused(server: FileServer) -> None:
    def rebound(host: str, port: int) -> Sequence[str]:
        return ["127.0.0.1"]

    server.serve("/a", b"secret")
    with pytest.raises(SourceRefused, match="this machine itself"):
        get(Fetcher(resolver=rebound), f"https://innocent.example:{server.port}/a", AddressPolicy())
    assert server.requests == []


def test_the_judged_address_is_the_one_connected_to(server: FileServer) -> None:
    """A name server that answers differently the second time changes nothing."""
    lookups: list[str] = []

    def rebinding(host: str, port: int) -> Sequence[str]:
        lookups.append(host)
        return ["127.0.0.1"] if len(lookups) == 1 else ["10.0.0.1"]

    server.serve("/a", b"bytes")
    url = f"http://svc.localhost:{server.port}/a"
    assert get(Fetcher(resolver=rebinding), url) == b"bytes"
    assert lookups == ["svc.localhost"]
    assert server.requests[0].headers["host"] == f"svc.localhost:{server.port}"


def test_the_next_of_several_addresses_is_tried(server: FileServer) -> None:
    def two(host: str, port: int) -> Sequence[str]:
        return ["::1", "127.0.0.1"]

    server.serve("/a", b"bytes")
    assert get(Fetcher(resolver=two), f"http://localhost:{server.port}/a") == b"bytes"


def test_a_certificate_is_verified_for_the_name_in_the_url(
    tls_server: FileServer, certificate: tuple[Path, Path]
) -> None:
    def here(host: str, port: int) -> Sequence[str]:
        return ["127.0.0.1"]

    tls_server.serve("/a", b"bytes")
    fetcher = Fetcher(verify=certificate[0], resolver=here)
    for name in ("localhost", "mirror.test"):
        assert get(fetcher, f"https://{name}:{tls_server.port}/a") == b"bytes"
    with pytest.raises(DownloadFailed, match="certificate is not valid"):
        get(fetcher, f"https://other.test:{tls_server.port}/a")


def test_a_self_signed_certificate_is_refused_without_its_authority(
    tls_server: FileServer,
) -> None:
    tls_server.serve("/a", b"bytes")
    with pytest.raises(DownloadFailed, match="certificate is not valid"):
        get(Fetcher(), f"https://localhost:{tls_server.port}/a")


def test_https_never_becomes_plain_http_on_the_way(
    tls_server: FileServer, server: FileServer, certificate: tuple[Path, Path]
) -> None:
    target = server.serve("/a", b"bytes")
    tls_server.serve("/a", b"", redirect(target))
    with pytest.raises(SourceRefused, match="from https to plain http"):
        get(Fetcher(verify=certificate[0]), f"https://localhost:{tls_server.port}/a")


def test_the_hub_token_goes_to_the_hub_and_to_nobody_after_it(server: FileServer) -> None:
    hub = frozenset({f"localhost:{server.port}"})
    token = HubToken(Secret("hub-s3cret"), hub)
    server.serve("/file", b"bytes")
    server.serve("/gated", b"", redirect(server.url("/file")))
    assert get(Fetcher(token=token), f"http://localhost:{server.port}/gated") == b"bytes"
    asked, other = server.requests
    assert asked.headers["authorization"] == "Bearer hub-s3cret"
    assert other.path == "/file"
    assert "authorization" not in other.headers


def test_the_hub_token_is_never_sent_in_the_clear_or_to_a_lookalike() -> None:
    from urllib.parse import urlsplit

    token = HubToken(Secret("hub-s3cret"))
    assert token.headers_for(urlsplit("https://huggingface.co/x")) != {}
    for url in (
        "http://huggingface.co/x",
        "https://huggingface.co.evil.example/x",
        "https://evilhuggingface.co/x",
        "https://cdn.huggingface.co/x",
        "https://huggingface.co:8443/x",
    ):
        assert token.headers_for(urlsplit(url)) == {}


def test_the_hub_and_its_token_come_from_the_environment() -> None:
    from urllib.parse import urlsplit

    assert HubToken.from_environment({}) is None
    assert HubToken.from_environment({"STUDIO_WORKER_HUB_TOKEN": " "}) is None
    token = HubToken.from_environment(
        {"STUDIO_WORKER_HUB_TOKEN": "t", "STUDIO_WORKER_HUB_HOST": "a.example, b.example"}
    )
    assert token is not None
    assert token.headers_for(urlsplit("https://b.example/")) == {"Authorization": "Bearer t"}
    assert token.headers_for(urlsplit("https://huggingface.co/")) == {}
    assert "t" not in repr(token._token)


def test_the_hub_token_is_in_no_log_and_no_error(
    server: FileServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    token = HubToken(Secret("hub-s3cret"), frozenset({f"127.0.0.1:{server.port}"}))
    url = server.serve("/a", b"bytes" * 100, Answer(cut_after=3)) + "?signature=s3cret-too"
    with pytest.raises(DownloadFailed) as caught:
        get(Fetcher(token=token), url)
    assert "s3cret" not in str(caught.value)
    ours = [r.getMessage() for r in caplog.records if r.name.startswith("studio_worker")]
    assert "s3cret" not in "".join(ours)
    assert "hub-s3cret" not in caplog.text


def test_nothing_is_connected_once_the_line_is_down(server: FileServer) -> None:
    url = server.serve("/a", b"bytes")
    line = TransferLine()
    line.hang_up()
    with pytest.raises(HungUp), Fetcher().open(url, HERE, line):
        pass
    assert server.requests == []


def test_credentials_of_a_netrc_file_are_not_sent(
    server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password s3cret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    assert get(Fetcher(), server.serve("/a", b"bytes")) == b"bytes"
    assert "authorization" not in server.requests[0].headers


def test_a_model_is_fetched_through_the_proxy_of_the_environment(
    server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The proxy sees a CONNECT for the https host; here it says no."""
    monkeypatch.setenv("https_proxy", server.url(""))
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)

    def never(host: str, port: int) -> Sequence[str]:
        raise AssertionError("the proxy looks names up")

    with pytest.raises(DownloadFailed):
        get(
            Fetcher(resolver=never),
            "https://hub.example/a",
            AddressPolicy(may_use_proxy=True),
        )


def test_the_path_and_query_reach_the_server_as_they_were_meant(server: FileServer) -> None:
    server.serve("/a%20b/%C3%BC.bin", b"bytes")
    asked: list[str] = []
    server.on_request = asked.append
    for path in ("/a%20b/%C3%BC.bin?x=1&y=%2F", "/a%20b/ü.bin?download=true"):
        assert get(Fetcher(), server.url(path)) == b"bytes"
    assert asked == ["/a%20b/%C3%BC.bin"] * 2


@pytest.mark.parametrize(
    "value", ["soon", "99999999999999", "Fri, 99 Foo 99999 99:99:99 GMT", "-5", "\u00b2"]
)
def test_a_nonsense_wait_of_a_server_is_harmless(server: FileServer, value: str) -> None:
    from studio_worker_core.downloads.refusals import refusal
    from studio_worker_core.downloads.transfers import Interrupted

    url = server.serve("/a", b"", Answer(status=503, headers={"Retry-After": value}))
    with Fetcher().open(url, HERE, TransferLine()) as response:
        error = refusal(response, "a")
    assert isinstance(error, Interrupted)
    assert error.retry_after is None or error.retry_after >= 0
