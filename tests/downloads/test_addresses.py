"""Which addresses may be fetched from."""

from __future__ import annotations

import contextlib
import ipaddress
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio_worker_core.downloads.addresses import (
    AddressPolicy,
    address_class,
    check_url,
    resolve,
    shown_url,
)
from studio_worker_core.downloads.transfers import Interrupted
from studio_worker_core.errors import ModelStoreError, SourceRefused

CLASSES = {
    "public": ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"],
    "loopback": ["127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1"],
    "private": [
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "169.254.1.1",
        "fc00::1",
        "fd12:3456::1",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "::ffff:10.0.0.1",
        "::ffff:192.168.1.1",
        "2002:0a00:0001::",
        "64:ff9b::a00:1",
        "64:ff9b:1::1",
        "::10.0.0.1",
    ],
    "forbidden": [
        "0.0.0.0",
        "::",
        "255.255.255.255",
        "224.0.0.1",
        "ff02::1",
        "240.0.0.1",
        "192.0.2.1",
        "198.18.0.1",
        "2001:db8::1",
        "169.254.169.254",
        "::ffff:169.254.169.254",
        "fd00:ec2::254",
        "0.1.2.3",
        "not an address",
        "",
    ],
}


@pytest.mark.parametrize(
    ("text", "kind"), [(text, kind) for kind, texts in CLASSES.items() for text in texts]
)
def test_an_address_is_told_by_what_it_reaches(text: str, kind: str) -> None:
    assert address_class(text) == kind


@given(st.ip_addresses(v=4))
def test_ipv4_inside_ipv6_is_judged_as_itself(address: ipaddress.IPv4Address) -> None:
    assert address_class(f"::ffff:{address}") == address_class(str(address))


@given(st.ip_addresses())
def test_what_python_calls_private_is_never_public(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    if address.is_private or address.is_multicast or address.is_link_local:
        assert address_class(str(address)) != "public"


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://example.com/a",
        "gopher://example.com/",
        "//example.com/a",
        "/etc/passwd",
        "example.com",
        "",
        "https://",
        "https:///path",
        "https://user:pass@example.com/",
        "https://user@example.com/",
        "https://exa mple.com/",
        "https://example.com/\n",
        "https://example.com:99999/",
        "https://example.com:0/",
        "https://[::1/",
        "http://example.com/",
        "http://127.0.0.1/",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://10.0.0.1/",
        "https://[::ffff:10.0.0.1]/",
        "https://169.254.169.254/latest/meta-data",
        "https://0.0.0.0/",
    ],
)
def test_a_url_to_anything_but_a_public_https_server_is_refused(url: str) -> None:
    with pytest.raises(SourceRefused):
        check_url(url, AddressPolicy())


@given(st.text(max_size=60), st.booleans(), st.booleans())
def test_no_url_raises_anything_but_a_refusal(url: str, loopback: bool, private: bool) -> None:
    policy = AddressPolicy(allow_loopback=loopback, allow_private=private)
    for text in (url, f"https://{url}", f"http://[{url}]/"):
        with contextlib.suppress(SourceRefused):
            check_url(text, policy)


def test_loopback_is_taken_over_http_when_it_is_permitted() -> None:
    policy = AddressPolicy(allow_loopback=True)
    for url in ("http://127.0.0.1:8000/a", "http://localhost/a", "http://[::1]:9/a"):
        check_url(url, policy)
    with pytest.raises(SourceRefused, match="plain http"):
        check_url("http://example.com/", policy)


def test_private_addresses_need_permission_and_metadata_never_gets_it() -> None:
    policy = AddressPolicy(allow_private=True)
    check_url("http://192.168.1.5:8080/a.png", policy)
    with pytest.raises(SourceRefused):
        check_url("http://169.254.169.254/", policy)
    with pytest.raises(SourceRefused, match="this machine"):
        check_url("http://127.0.0.1/", policy)


def test_the_studio_itself_is_trusted_wherever_it_is() -> None:
    policy = AddressPolicy(trusted_origin=("http", "192.168.1.5", 8080))
    check_url("http://192.168.1.5:8080/a.png", policy)
    for url in ("http://192.168.1.5/a.png", "https://192.168.1.5:8080/", "http://192.168.1.6:8080"):
        with pytest.raises(SourceRefused):
            check_url(url, policy)


def answering(*addresses: str) -> object:
    def resolver(host: str, port: int) -> Sequence[str]:
        return addresses

    return resolver


@pytest.mark.parametrize(
    "addresses", [("10.0.0.1",), ("93.184.216.34", "10.0.0.1"), ("::ffff:127.0.0.1",), ("::",)]
)
def test_a_name_with_one_forbidden_address_is_refused(addresses: tuple[str, ...]) -> None:
    parts = check_url("https://innocent.example/a", AddressPolicy())
    with pytest.raises(SourceRefused, match=r"innocent\.example is"):
        resolve(parts, AddressPolicy(), answering(*addresses))  # type: ignore[arg-type]


def test_a_public_name_is_resolved_to_its_addresses() -> None:
    parts = check_url("https://innocent.example/a", AddressPolicy())
    found = resolve(parts, AddressPolicy(), answering("93.184.216.34"))  # type: ignore[arg-type]
    assert found == ["93.184.216.34"]


def test_an_unknown_name_may_be_known_in_a_moment() -> None:
    def fail(host: str, port: int) -> Sequence[str]:
        raise OSError("no such name")

    parts = check_url("https://nowhere.example/a", AddressPolicy())
    for resolver in (fail, answering()):
        with pytest.raises(Interrupted, match=r"nowhere\.example"):
            resolve(parts, AddressPolicy(), resolver)  # type: ignore[arg-type]


def test_a_url_is_shown_without_what_may_be_secret() -> None:
    assert shown_url("https://hub.example/a.bin?X-Signature=s3cret#frag") == (
        "https://hub.example/a.bin"
    )
    assert shown_url("https://me:s3cret@hub.example/a") == "https://hub.example/a"
    assert shown_url("data:image/png;base64,AAAA") == "data:image/png;base64"
    assert len(shown_url("https://hub.example/" + "a" * 500)) == 200


def test_every_refusal_is_final() -> None:
    with pytest.raises(ModelStoreError) as caught:
        check_url("file:///etc/passwd", AddressPolicy())
    assert not caught.value.retryable
