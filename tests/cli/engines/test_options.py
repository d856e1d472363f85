"""``engines show`` and ``engines run`` with an engine that has parameters of its own."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.option_plugin import build_knobs

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def knobs(tmp_path: Path) -> str:
    """``PYTHONPATH`` with the engine ``knobs``."""
    site = tmp_path / "site"
    site.mkdir()
    build_knobs(site)
    return str(site)


def test_show_says_what_they_are(cli: Run, knobs: str) -> None:
    shown = cli("engines", "show", "knobs", PYTHONPATH=knobs)
    assert "  warmth: 0 is cold; 0 to 1; normally 0.5\n" in shown.stdout, shown.stderr
    assert '  mood: calm, wild; normally "calm"\n' in shown.stdout
    (details,) = json.loads(cli("engines", "show", "knobs", "--json", PYTHONPATH=knobs).stdout)
    assert [option["name"] for option in details["options"]][:2] == ["warmth", "maxTurns"]


def test_they_are_parameters_like_the_others(cli: Run, knobs: str) -> None:
    done = cli(
        *("engines", "run", "knobs", "--prompt", "?", "--param", "maxTokens=9"),
        *("--param", "warmth=1", "--param", "mood=wild", "--param", 'options={"loud":true}'),
        PYTHONPATH=knobs,
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(json.loads(done.stdout)["choices"][0]["message"]["content"])
    assert (said["warmth"], said["mood"], said["loud"]) == (1.0, "wild", True)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("warmht=1", "a task of kind llm has no 'warmht'; did you mean 'warmth'?"),
        ("warmth=2", "--param warmth: expected a number, 0 to 1, got '2'"),
        ("zzz=2", "the engine's own: warmth, maxTurns, mood, edge, loud, name"),
        ('options={"warmth":2}', "engine 'knobs': options.warmth: expected a number, 0 to 1"),
        ("options=3", "--param options: expected a table"),
    ],
)
def test_what_is_wrong_is_named(cli: Run, knobs: str, given: str, said: str) -> None:
    done = cli("engines", "run", "knobs", "--prompt", "?", "--param", given, PYTHONPATH=knobs)
    assert done.returncode != 0
    assert said in " ".join(done.stderr.split()), done.stderr
    assert "Traceback" not in done.stderr
