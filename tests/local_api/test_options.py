"""Parameters that only one engine has, in requests to the local API."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from studio_worker_core.local_api.api import Names
from tests.local_api.served_here import TOKEN, ServedHere
from tests.support.option_plugin import build_knobs
from tests.support.plugin_builder import PluginSite

SIGNED = {"authorization": f"Bearer {TOKEN}"}
CHAT = {"model": "knobs", "messages": [{"role": "user", "content": "?"}]}


@pytest.fixture
def here(site: PluginSite, tmp_path: Path) -> Iterator[ServedHere]:
    build_knobs(site.root)
    with ServedHere(tmp_path / "api", Names(), roster=site.discover()) as served:
        yield served


def test_the_engine_gets_them(here: ServedHere) -> None:
    body = CHAT | {"options": {"warmth": 0.25, "mood": "wild"}}
    url = f"{here.url}/v1/chat/completions"
    answer = requests.post(url, json=body, headers=SIGNED, timeout=120)
    assert answer.status_code == 200, answer.text
    told = json.loads(answer.json()["choices"][0]["message"]["content"])
    assert (told["warmth"], told["mood"]) == (0.25, "wild")


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        (
            "/v1/chat/completions",
            CHAT | {"options": {"warmht": 1}},
            "engine 'knobs': options has no 'warmht'; did you mean 'warmth'?",
        ),
        (
            "/v1/completions",
            {"model": "knobs", "prompt": "?", "options": {"maxTurns": 0}},
            "engine 'knobs': options.maxTurns: expected a whole number, at least 1, below 10",
        ),
        (
            "/v1/images/generations",
            {"prompt": "x", "options": {"gloss": 1}},
            "engine 'synthetic': options has no 'gloss'; it has none",
        ),
        (
            "/v1/audio/speech",
            {"input": "x", "options": {"gloss": 1}},
            "engine 'synthetic': options has no 'gloss'; it has none",
        ),
        (
            "/tts",
            {"text": "x", "options": {"gloss": 1}},
            "engine 'synthetic': options has no 'gloss'; it has none",
        ),
    ],
)
def test_what_does_not_fit_is_refused_by_name(
    here: ServedHere, path: str, body: dict[str, object], said: str
) -> None:
    answer = requests.post(f"{here.url}{path}", json=body, headers=SIGNED, timeout=120)
    assert answer.status_code == 400, answer.text
    assert said in answer.text.replace("\\u0027", "'")
