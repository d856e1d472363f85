"""Parameters that only one engine has, in requests to the local API."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from studio_worker_core.local_api.api import Names
from tests.local_api.served_here import TOKEN, ServedHere
from tests.support.option_plugin import OPTIONS, build_knobs
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


def test_a_chats_seed_goes_to_an_engine_that_has_one(site: PluginSite, tmp_path: Path) -> None:
    options = OPTIONS + "    seed: Annotated[int, Meta(ge=0)] | None = None\n"
    build_knobs(site.root, options)
    with ServedHere(tmp_path / "api", Names(), roster=site.discover()) as here:

        def seeds(**fields: object) -> list[object]:
            url = f"{here.url}/v1/chat/completions"
            answer = requests.post(url, json=CHAT | fields, headers=SIGNED, timeout=120)
            assert answer.status_code == 200, answer.text
            texts = [choice["message"]["content"] for choice in answer.json()["choices"]]
            return [json.loads(text)["seed"] for text in texts]

        assert seeds() == [None]
        assert seeds(seed=7) == [7]
        assert seeds(seed=7, n=3) == [7, 8, 9], "another answer, another seed"
        assert seeds(seed=7, options={"seed": 5}) == [5], "what is said there counts"


def test_a_seed_is_a_wish_where_the_engine_has_none(here: ServedHere) -> None:
    url = f"{here.url}/v1/chat/completions"
    answer = requests.post(url, json=CHAT | {"seed": 7}, headers=SIGNED, timeout=120)
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(
    ("fields", "param", "said"),
    [
        (
            {"tools": [{"type": "function", "function": {"name": "f"}}]},
            "tools",
            "tools: the engine 'knobs' calls no tools",
        ),
        ({"logprobs": True}, "logprobs", "logprobs: the engine 'knobs' gives no logprobs"),
    ],
)
def test_what_an_engine_does_not_say_it_does_is_refused(
    here: ServedHere, fields: dict[str, object], param: str, said: str
) -> None:
    url = f"{here.url}/v1/chat/completions"
    answer = requests.post(url, json=CHAT | fields, headers=SIGNED, timeout=120)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (400, "unsupported", param)
    assert error["message"] == said
