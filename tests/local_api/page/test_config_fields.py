"""Settings into fields and back."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from studio_worker_core.config import ApiSettings, Config, Limits, config_keys
from studio_worker_core.config.described import described
from studio_worker_core.config.values import value_from_text
from studio_worker_core.local_api.page import config_fields
from studio_worker_core.secrets import Secret

MOVED = Config(
    api_base_url="https://me:secret@studio.example/",
    models_root=Path("/srv/models"),
    auth_token=Secret("very-secret"),
    limits=Limits(load_seconds=0.5),
    api=ApiSettings(aliases={"a": "b", "c": "d"}, hosts=("x", "y")),
    paused=True,
)


def asked() -> set[str]:
    return {field.name for group in config_fields.groups({}) for field in group.fields}


def test_every_key_is_a_field_or_shown_as_the_workers_own() -> None:
    shown = {each.key for each in config_fields.known(Config())}
    assert asked() | shown == set(config_keys())
    assert not asked() & shown
    names = [field.name for group in config_fields.groups({}) for field in group.fields]
    assert len(names) == len(set(names))
    assert "auth_token" in shown
    assert "registrations" in shown


def test_no_secret_is_in_what_is_shown() -> None:
    text = repr((config_fields.known(MOVED), config_fields.sealed(MOVED)))
    assert "secret" not in text.replace("registration_secret", "").replace("local_api_token", "")
    assert {each.key: each.text for each in config_fields.known(MOVED)}["auth_token"] == "set"


@pytest.mark.parametrize("config", [Config(), MOVED])
def test_what_a_field_shows_is_read_as_what_it_is(config: Config) -> None:
    texts = config_fields.texts(config)
    plain = replace(config, api_base_url="https://studio.example/")
    for info in described():
        if info.key in texts and info.key != "api_base_url":
            value = value_from_text(info.key, texts[info.key], Path("config.toml"))
            now = plain
            for part in info.key.split("."):
                now = getattr(now, part)
            assert (value if value is not None else info.default) == now, info.key


def test_only_what_a_person_changed_is_changed() -> None:
    before = config_fields.sealed(MOVED)
    given = {key: text for key, text in config_fields.texts(MOVED).items() if text != "false"}
    assert config_fields.changes(before, given) == {}
    given = {**given, "limits.load_seconds": " 7 ", "auth_token": "stolen", "models_root": ""}
    del given["paused"]
    assert config_fields.changes(before, given) == {
        "limits.load_seconds": "7",
        "models_root": "",
        "paused": "false",
    }


@pytest.mark.parametrize("before", ["", "null", "[]", "{}", "[" * 100_000, '{"paused": 1}'])
def test_a_form_that_is_not_whole_changes_nothing(before: str) -> None:
    assert config_fields.changes(before, {"paused": "yes", "limits.load_seconds": "7"}) == {}


def test_what_waits_for_a_restart_is_known() -> None:
    assert config_fields.waiting(MOVED, MOVED) == ()
    assert config_fields.waiting(MOVED, Config()) == (
        "api_base_url",
        "models_root",
        "paused",
        "api.hosts",
    )


def test_a_variable_that_wins_is_said() -> None:
    name = "STUDIO_WORKER_LOCAL_API_PORT"
    for group in config_fields.groups({name: "4790"}):
        for field in group.fields:
            assert (f"{name} is set, and wins: 4790" in field.words.help) == (
                field.name == "local_api_port"
            )
