"""The parameters of an engine's own: declared, described in another process, held against tasks."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta

from studio_worker_core.errors import InvalidTask
from studio_worker_core.plugin import ChatMessage, LlmTask
from studio_worker_core.roster.options import OptionSpec, refusal
from tests.support.fault_answers import said_text
from tests.support.lane_bench import LaneBench, answer_of
from tests.support.option_plugin import OPTIONS, build_knobs
from tests.support.plugin_builder import PluginSite

KNOBS = (
    OptionSpec("warmth", "number", 0.5, least=0, most=1, words="0 is cold"),
    OptionSpec("maxTurns", "whole number", 3, least=1, below=10),
    OptionSpec("mood", "choice", "calm", choices=("calm", "wild")),
    OptionSpec("edge", "choice", "hard", choices=("hard", "soft")),
    OptionSpec("loud", "true or false", default=False),
    OptionSpec("name", "text", longest=8),
)


def test_a_struct_becomes_data_and_its_module_stays_outside(site: PluginSite) -> None:
    build_knobs(site.root)
    entry = site.entry("knobs")
    assert entry.ready, entry.reason
    assert entry.options == KNOBS
    assert "knobs_options" not in sys.modules
    assert site.entry("synthetic").options == ()


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ("Options = 3", "which is not a msgspec.Struct"),
        ("raise RuntimeError('no')", "which cannot be imported: RuntimeError: no"),
        (OPTIONS.replace("class Options", "class Other"), "which cannot be imported: Attribute"),
        (OPTIONS.replace("] = 0.5", "]"), "whose 'warmth' has no plain default"),
        (OPTIONS.replace("loud: bool = False", "loud: list[int] = []"), "no plain default"),
        (OPTIONS.replace("loud: bool = False", "loud: dict | None = None"), "that has no form"),
        (OPTIONS.replace("loud:", "seed_url: bool = True\n    system:"), "'system' is a parameter"),
        (OPTIONS.replace("= 0.5", "= 7.0"), "default of 'warmth' does not fit: expected a number"),
        (OPTIONS.replace("Mood.CALM", "'odd'"), "default of 'mood' does not fit: expected one of"),
    ],
)
def test_options_that_cannot_be_described_withdraw_the_plugin(
    site: PluginSite, options: str, reason: str
) -> None:
    build_knobs(site.root, options)
    entry = site.entry("knobs")
    assert entry.state == "broken"
    assert reason in str(entry.reason)


@pytest.mark.parametrize(
    ("given_", "said"),
    [
        ({"warmth": 2}, "options.warmth: expected a number, 0 to 1, got '2'"),
        ({"warmth": "hot"}, "options.warmth: expected a number, 0 to 1, got 'hot'"),
        ({"warmth": None}, "options.warmth: expected a number, 0 to 1, got 'None'"),
        ({"warmth": float("nan")}, "options.warmth: expected a number, 0 to 1, got 'nan'"),
        ({"maxTurns": 10}, "options.maxTurns: expected a whole number, at least 1, below 10, "),
        ({"maxTurns": True}, "options.maxTurns: expected a whole number"),
        ({"mood": "sad"}, "options.mood: expected one of calm, wild, got 'sad'"),
        ({"loud": 1}, "options.loud: expected true or false, got '1'"),
        ({"name": "too long a name"}, "options.name: expected a text, up to 8 characters, got"),
        ({"warmht": 1}, "options has no 'warmht'; did you mean 'warmth'?"),
        ({"x": 1}, "options has no 'x'; it has warmth, maxTurns, mood, edge, loud, name"),
    ],
)
def test_what_does_not_fit_is_named(given_: dict[str, Any], said: str) -> None:
    found = refusal(KNOBS, given_)
    assert found is not None
    assert found.startswith(said)


def test_an_engine_without_options_takes_none() -> None:
    assert refusal((), {}) is None
    assert refusal((), {"x": 1}) == "options has no 'x'; it has none"


_bounds = st.none() | st.integers(-5, 5)
_values = st.integers(-7, 7) | st.floats(-7, 7) | st.booleans() | st.text(max_size=2) | st.none()


@given(_bounds, _bounds, st.sampled_from(["number", "whole number"]), _values)
def test_host_and_engine_agree_on_what_fits(
    least: int | None, most: int | None, kind: Any, value: Any
) -> None:
    option = OptionSpec("x", kind, 0, least=least, most=most)
    bounds = Meta(ge=least, le=most)
    shape: Any = Annotated[float, bounds] if kind == "number" else Annotated[int, bounds]
    try:
        msgspec.convert(value, shape)
        fits = True
    except msgspec.ValidationError:
        fits = False
    if kind == "whole number" and isinstance(value, float):
        fits = False  # the library takes 3.0 for 3
    assert (refusal([option], {"x": value}) is None) == fits


def ask(bench: LaneBench, site: PluginSite, **options: Any) -> dict[str, Any]:
    task = LlmTask(messages=[ChatMessage("user", "?")], options=options or None)
    result = bench.run(task, model="knobs", entry=site.entry("knobs"))
    told: dict[str, Any] = json.loads(said_text(answer_of(result)))
    return told


def test_the_engine_gets_what_the_task_gives_and_its_defaults(
    bench: LaneBench, site: PluginSite
) -> None:
    build_knobs(site.root)
    defaults = ask(bench, site)
    assert defaults["warmth"] == 0.5
    assert defaults["mood"] == "calm"
    asked = ask(bench, site, warmth=1, mood="wild", name="Ada", maxTurns=9)
    assert asked == defaults | {"warmth": 1, "mood": "wild", "name": "Ada", "maxTurns": 9}


def test_what_the_host_cannot_judge_is_refused_in_the_engines_process(
    bench: LaneBench, site: PluginSite
) -> None:
    pattern = OPTIONS.replace("max_length=8", "max_length=8, pattern='^[a-z]+$'")
    build_knobs(site.root, pattern)
    with pytest.raises(InvalidTask, match="options: Expected `str` matching regex"):
        ask(bench, site, name="A1")
    assert ask(bench, site, name="a")["name"] == "a"
