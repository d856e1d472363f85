"""One key at a time: types, bounds, words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio_worker_core.config import Config, Limits, config_keys, value_of
from studio_worker_core.config.values import (
    config_from_document,
    to_toml,
    unknown_keys,
    value_from_text,
)
from studio_worker_core.errors import ConfigError
from studio_worker_core.secrets import Secret

HERE = Path("/etc/worker/config.toml")

ORIGINAL_KEYS = {
    "api_base_url",
    "worker_id",
    "auth_token",
    "vram_threshold_gb",
    "auto_start",
    "auto_update_enabled",
    "auto_update_interval_secs",
    "auto_update_feed",
    "auto_update_prerelease",
    "memory_max_gb",
    "stream_port",
    "models_root",
    "ws_reconnect_attempts",
    "local_api_port",
    "local_api_token",
    "install_id",
    "registration_request_id",
    "registration_secret",
    "only_when_idle",
    "start_minimised",
}


def test_every_key_of_the_original_worker_is_there() -> None:
    assert set(config_keys()) >= ORIGINAL_KEYS
    assert {"limits.load_seconds", "outbox.max_gb", "plugins.disabled"} <= set(config_keys())


def test_an_empty_file_means_the_defaults() -> None:
    config = config_from_document({}, HERE)
    assert config == Config()
    assert config.api_base_url == "https://studio.minis.gg/"
    assert config.limits == Limits(
        load_seconds=600.0, idle_seconds=300.0, total_seconds=3600.0, memory_gb=0.0
    )


@pytest.mark.parametrize(
    ("document", "key", "words"),
    [
        ({"vram_threshold_gb": "8"}, "vram_threshold_gb", "expected a number, got text"),
        ({"vram_threshold_gb": True}, "vram_threshold_gb", "got true or false"),
        ({"vram_threshold_gb": -1}, "vram_threshold_gb", "of at least 0"),
        ({"vram_threshold_gb": float("inf")}, "vram_threshold_gb", "finite"),
        ({"vram_threshold_gb": float("nan")}, "vram_threshold_gb", "number"),
        ({"auto_start": 1}, "auto_start", "expected true or false, got a whole number"),
        ({"local_api_port": 70000}, "local_api_port", "at most 65535"),
        ({"auth_token": 5}, "auth_token", "expected text"),
        ({"models_root": ["a"]}, "models_root", "expected text"),
        ({"limits": 5}, "limits", "must be a table"),
        ({"limits": {"load_seconds": "x"}}, "limits.load_seconds", "expected a number"),
        ({"plugins": {"disabled": "a"}}, "plugins.disabled", "expected a list"),
        ({"plugins": {"disabled": [1]}}, "plugins.disabled", "expected text"),
    ],
)
def test_a_wrong_value_is_named_with_key_and_file(
    document: dict[str, Any], key: str, words: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        config_from_document(document, HERE)
    assert caught.value.key == key
    assert caught.value.path == HERE
    assert str(HERE) in str(caught.value)
    assert key in str(caught.value)
    assert words in str(caught.value)


def test_an_error_about_a_token_does_not_repeat_it() -> None:
    with pytest.raises(ConfigError) as caught:
        config_from_document({"auth_token": ["tok-secret"]}, HERE)
    assert "tok-secret" not in str(caught.value)


def test_a_tilde_in_a_path_is_the_home_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    config = config_from_document({"models_root": "~/models"}, HERE)
    assert config.models_root == Path("/home/ada/models")


def test_an_empty_optional_text_means_absent() -> None:
    config = config_from_document({"worker_id": "", "auth_token": "", "models_root": ""}, HERE)
    assert (config.worker_id, config.auth_token, config.models_root) == (None, None, None)


def test_a_whole_number_is_good_for_a_number() -> None:
    assert config_from_document({"vram_threshold_gb": 12}, HERE).vram_threshold_gb == 12


def test_unknown_keys_are_listed_and_passed_over() -> None:
    document = {"colour": "red", "limits": {"speed": 1, "load_seconds": 2}, "extra": {"a": 1}}
    assert config_from_document(document, HERE).limits.load_seconds == 2
    assert unknown_keys(document) == ("colour", "limits.speed", "extra")


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("vram_threshold_gb", " 12.5 ", 12.5),
        ("vram_threshold_gb", "12", 12.0),
        ("ws_reconnect_attempts", "3", 3),
        ("auto_start", "Yes", True),
        ("auto_start", "off", False),
        ("auth_token", "abc", Secret("abc")),
        ("models_root", "/m", Path("/m")),
        ("api_base_url", "http://localhost:1/", "http://localhost:1/"),
        ("limits.memory_gb", "6", 6.0),
        ("plugins.disabled", "a, b", ("a", "b")),
        ("plugins.disabled", "[]", ()),
        ("worker_id", "", None),
        ("worker_id", "42", "42"),
        ("local_api_port", "8080", 8080),
    ],
)
def test_typed_text_becomes_the_value_of_its_key(key: str, text: str, value: object) -> None:
    read = value_from_text(key, text, HERE)
    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("vram_threshold_gb", "much"),
        ("vram_threshold_gb", "nan"),
        ("vram_threshold_gb", "1e999"),
        ("ws_reconnect_attempts", "1.5"),
        ("ws_reconnect_attempts", "-1"),
        ("auto_start", "maybe"),
        ("local_api_port", "65536"),
    ],
)
def test_text_that_does_not_fit_is_named_with_its_key_and_not_the_file(key: str, text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        value_from_text(key, text, HERE)
    assert caught.value.key == key
    assert str(HERE) not in str(caught.value)


def test_a_misspelt_key_gets_a_suggestion() -> None:
    with pytest.raises(ConfigError, match="did you mean vram_threshold_gb"):
        value_from_text("vram_treshold_gb", "1", HERE)
    with pytest.raises(ConfigError, match="config show"):
        value_of(Config(), "colour")


@given(
    st.dictionaries(
        st.text(max_size=20),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(st.text(max_size=5), inner, max_size=3)
            ),
        ),
    ),
    st.sampled_from(config_keys()),
    st.one_of(st.integers(), st.floats(), st.text(), st.booleans()),
)
def test_any_document_gives_settings_or_a_config_error(
    document: dict[str, Any], key: str, value: object
) -> None:
    head, _, name = key.rpartition(".")
    failure: ConfigError | None = None
    try:
        config_from_document({**document, head or key: {name: value} if head else value}, HERE)
    except ConfigError as error:
        failure = error
    assert failure is None or (failure.path == HERE and failure.key)


@given(st.sampled_from(config_keys()), st.text(max_size=40))
def test_any_typed_text_gives_a_value_or_a_config_error(key: str, text: str) -> None:
    try:
        value = value_from_text(key, text, HERE)
    except ConfigError:
        return
    if value is None:
        return
    head, _, name = key.rpartition(".")
    stored = to_toml(value)
    config = config_from_document({head: {name: stored}} if head else {key: stored}, HERE)
    assert value_of(config, key) == value
