"""Who may speak to the local API."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio_worker_core.local_api.access import (
    OPEN_PATHS,
    Access,
    Denial,
    judge,
    preflight_headers,
)

TOKEN = "ab" * 32
SIGNED = f"Bearer {TOKEN}"
HERE = ["localhost", "localhost:4787", "127.0.0.1", "127.0.0.1:1", "127.9.9.9", "[::1]:4787"]
ELSEWHERE = [
    *("evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "192.168.0.7:4787"),
    *("", "0.0.0.0", "[::]", "localhost@evil.example", "evil.example#localhost", "localhost:x"),
    *("2130706433", "127.1", "LOCALHOST evil.example", "//localhost"),
]


def status_of(access: Access) -> int | str | None:
    verdict = judge(access, TOKEN)
    return verdict.status if isinstance(verdict, Denial) else verdict


@pytest.mark.parametrize("host", [*HERE, "LocalHost:80"])
def test_this_machine_may_with_the_token_and_not_without(host: str) -> None:
    assert status_of(Access("GET", "/models", host, authorization=SIGNED)) is None
    assert status_of(Access("GET", "/models", host, authorization=f"bearer  {TOKEN} ")) is None
    for wrong in (None, "", TOKEN, f"Basic {TOKEN}", "Bearer", f"Bearer {TOKEN}x", "Bearer é"):
        assert status_of(Access("GET", "/models", host, authorization=wrong)) == 401


@pytest.mark.parametrize("host", [*ELSEWHERE, None])
def test_a_name_that_is_not_this_machine_is_refused_even_with_the_token(host: str | None) -> None:
    assert status_of(Access("GET", "/models", host, authorization=SIGNED)) == 403
    assert status_of(Access("GET", "/healthz", host)) == 403


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "null", "", "file://", "http://localhost.evil.example",
     "http://localhost@evil.example", "http://evil.example/localhost", "http://localhost/x",
     "chrome-extension://localhost", "http://localhost:99999"],
)  # fmt: skip
def test_a_page_from_elsewhere_is_refused_even_with_the_token(origin: str) -> None:
    asked = Access("POST", "/image", "localhost", origin, SIGNED)
    assert status_of(asked) == 403
    preflight = Access("OPTIONS", "/image", "localhost", origin, None, "POST")
    assert status_of(preflight) == 403


def test_a_page_of_this_machine_may_ask_beforehand_without_the_token() -> None:
    origin = "http://localhost:3000"
    preflight = Access("OPTIONS", "/v1/models", "127.0.0.1:4787", origin, None, "GET")
    assert status_of(preflight) == "preflight"
    assert status_of(Access("OPTIONS", "/v1/models", "127.0.0.1:4787", origin)) == 401
    headers = preflight_headers(origin, "authorization, x-stainless-os")
    assert headers["access-control-allow-origin"] == origin
    assert "x-stainless-os" in headers["access-control-allow-headers"]


@given(st.text(max_size=40), st.text(max_size=40) | st.none(), st.text(max_size=80) | st.none())
def test_nothing_but_the_token_opens(host: str, origin: str | None, said: str | None) -> None:
    if said is not None and said.partition(" ")[2].strip() == TOKEN:
        return
    for path in ("/v1/models", "/image", "/healthz/../models", "/", "/files"):
        assert status_of(Access("GET", path, host, origin, said)) in (401, 403)
    assert status_of(Access("GET", "/models", "localhost", None, said)) == 401
    assert "/healthz" in OPEN_PATHS


def test_no_token_is_no_open_door() -> None:
    assert isinstance(judge(Access("GET", "/models", "localhost", None, "Bearer "), ""), Denial)


HOSTS = frozenset({"gpu-box.lan", "worker"})


def from_afar(
    host: str | None, origin: str | None = None, path: str = "/v1/models", said: str | None = SIGNED
) -> int | str | None:
    asked = Access("GET", path, host, origin, said, is_local=False)
    verdict = judge(asked, TOKEN, HOSTS)
    return verdict.status if isinstance(verdict, Denial) else verdict


@pytest.mark.parametrize(
    "host",
    ["gpu-box.lan", "GPU-Box.lan:4789", "gpu-box.lan.", "worker:1", "192.168.0.7", "[::5]:1"],
)
def test_other_machines_come_by_an_address_or_a_name_of_the_list(host: str) -> None:
    assert from_afar(host) is None
    assert from_afar(host, said=None) == 401


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost", "gpu-box.lan.evil.example", "", None]
)
def test_other_machines_do_not_come_by_another_name(host: str | None) -> None:
    assert from_afar(host) == 403


def test_other_machines_are_told_nothing_without_the_token() -> None:
    assert from_afar("192.168.0.7", path="/healthz", said=None) == 401
    assert status_of(Access("GET", "/healthz", "localhost")) is None


def test_pages_of_other_machines_may_come_from_the_list_and_from_here_only() -> None:
    assert from_afar("gpu-box.lan", "https://worker:8443") is None
    assert from_afar("192.168.0.7:4789", "https://192.168.0.7:4789") is None
    for origin in ("http://192.168.0.1", "http://localhost", "https://evil.example", "null"):
        assert from_afar("192.168.0.7:4789", origin) == 403


def test_the_list_opens_nothing_on_this_machine() -> None:
    for name in ("gpu-box.lan", "192.168.0.7"):
        verdict = judge(Access("GET", "/v1/models", name, None, SIGNED), TOKEN, HOSTS)
        assert isinstance(verdict, Denial)
