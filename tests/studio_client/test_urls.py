"""Addresses (protocol §1)."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio_worker_core.errors import ConfigError, WireError
from studio_worker_core.studio_client.urls import (
    api_url,
    connect_url,
    normalise_base_url,
    path_of,
)


@pytest.mark.parametrize(
    ("value", "base"),
    [
        ("https://studio.minis.gg/", "https://studio.minis.gg"),
        ("https://studio.minis.gg", "https://studio.minis.gg"),
        ("https://studio.example/graphics/api/", "https://studio.example"),
        ("https://studio.example/custom/graphics/api", "https://studio.example/custom"),
        ("https://studio.example/graphics/api/graphics/api", "https://studio.example/graphics/api"),
        ("https://studio.example/custom///?a=1#b", "https://studio.example/custom"),
        (" http://127.0.0.1:8080/ ", "http://127.0.0.1:8080"),
        ("HTTPS://Studio.Example/Path", "https://studio.example/Path"),
        ("http://[::1]:9/", "http://[::1]:9"),
    ],
)
def test_a_base_is_normalised_as_the_protocol_says(value: str, base: str) -> None:
    assert normalise_base_url(value) == base


@pytest.mark.parametrize(
    "value",
    [
        "",
        "studio.example",
        "/graphics",
        "ftp://x/",
        "http://",
        "http:///x",
        "http://h:0/",
        "http://h:99999/",
        "http://h:x/",
        "http://a b/",
        "http://h/a\\b",
        "http://[::1/",
        "ws://h/",
    ],
)
def test_what_is_no_http_url_is_named(value: str) -> None:
    with pytest.raises(ConfigError) as caught:
        normalise_base_url(value)
    assert repr(value) in str(caught.value)
    assert caught.value.key == "api_base_url"


def test_a_password_in_the_address_is_refused_and_not_repeated() -> None:
    with pytest.raises(ConfigError) as caught:
        normalise_base_url("https://ada:hunter2@studio.example/")
    assert "hunter2" not in str(caught.value)


def test_endpoints_lie_under_the_api_prefix() -> None:
    base = normalise_base_url("https://studio.example/custom/graphics/api")
    assert api_url(base, "/workers/register-request") == (
        "https://studio.example/custom/graphics/api/workers/register-request"
    )
    assert connect_url(base, "w-1") == (
        "wss://studio.example/custom/graphics/api/workers/w-1/connect"
    )
    assert connect_url("http://127.0.0.1:8/", "w").startswith("ws://127.0.0.1:8/graphics/api/")


@pytest.mark.parametrize("segment", ["", ".", ".."])
def test_an_id_that_would_change_the_path_is_refused(segment: str) -> None:
    with pytest.raises(WireError, match="cannot be part of an address"):
        path_of("workers", segment, "connect")


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=50))
def test_any_id_is_one_component_of_the_path(identifier: str) -> None:
    if identifier in (".", ".."):
        return
    parts = urlsplit(api_url("https://h", path_of("workers", identifier, "connect")))
    assert parts.netloc == "h"
    assert (parts.query, parts.fragment) == ("", "")
    assert len(parts.path.split("/")) == 6


@given(st.text(max_size=60))
def test_any_text_is_a_base_or_a_config_error(value: str) -> None:
    try:
        base = normalise_base_url(value)
    except ConfigError:
        return
    assert normalise_base_url(base + "/graphics/api") == base
