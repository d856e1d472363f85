"""Parameters that only one engine has: into fields, and back into a task."""

from __future__ import annotations

import pytest

from studio_worker_core.local_api.page.option_fields import (
    PREFIX,
    option_fields,
    options_in,
    texts_of,
)
from studio_worker_core.roster.options import OptionSpec

OPTIONS = (
    OptionSpec("warmth", "number", 0.5, least=0, most=1, words="0 is cold"),
    OptionSpec("maxTurns", "whole number", 3, least=1, below=10),
    OptionSpec("mood", "choice", "calm", choices=("calm", "wild")),
    OptionSpec("level", "choice", None, choices=(1, 2, 3)),
    OptionSpec("loud", "true or false", True),
    OptionSpec("shy", "true or false"),
    OptionSpec("name", "text", None, longest=8),
    OptionSpec("story", "text", "once", longest=4000, words="What it tells."),
)
FIELDS = {field.name: field for field in option_fields(OPTIONS)}


def given(**texts: str) -> dict[str, str]:
    return {f"{PREFIX}{name}": text for name, text in texts.items()}


def defaults() -> dict[str, str]:
    return {name: field.default for name, field in FIELDS.items()}


def test_a_field_has_the_options_type_bounds_default_and_words() -> None:
    warmth = FIELDS["option.warmth"]
    assert (warmth.widget, warmth.default) == ("number", "0.5")
    assert (warmth.words.label, warmth.words.help) == ("Warmth", "0 is cold. 0 to 1.")
    turns = FIELDS["option.maxTurns"]
    assert (turns.words.label, turns.words.help) == ("Max turns", "At least 1, below 10.")
    assert FIELDS["option.mood"].choices == ("calm", "wild")
    assert FIELDS["option.level"].choices == ("", "1", "2", "3")
    assert (FIELDS["option.loud"].choices, FIELDS["option.loud"].default) == (("yes", "no"), "yes")
    assert FIELDS["option.shy"].choices == ("", "yes", "no")
    assert (FIELDS["option.name"].widget, FIELDS["option.name"].most) == ("text", 8)
    assert FIELDS["option.story"].widget == "long"


def test_what_was_left_as_it_is_is_not_sent() -> None:
    assert options_in(OPTIONS, defaults()) == ({}, {})
    assert options_in(OPTIONS, {}) == ({}, {})


def test_what_was_chosen_is_sent_as_its_type() -> None:
    chosen = given(
        warmth="0,25", maxTurns="9", mood="wild", level="2", loud="no", shy="yes", name="Ann"
    )
    values, wrong = options_in(OPTIONS, {**defaults(), **chosen})
    assert not wrong
    assert values == {
        "warmth": 0.25,
        "maxTurns": 9,
        "mood": "wild",
        "level": 2,
        "loud": False,
        "shy": True,
        "name": "Ann",
    }
    assert options_in(OPTIONS, {**defaults(), **texts_of(values)}) == (values, {})


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("warmth", "2", "expected a number, 0 to 1, got '2'"),
        ("warmth", "nan", "a number is needed"),
        ("maxTurns", "10", "expected a whole number, at least 1, below 10"),
        ("maxTurns", "2.5", "a whole number is needed"),
        ("mood", "<b>", "expected one of calm, wild, got '<b>'"),
        ("level", "4", "expected one of 1, 2, 3"),
        ("loud", "maybe", "choose yes or no"),
        ("name", "far too long", "expected a text, up to 8 characters"),
    ],
)
def test_what_does_not_fit_is_said_at_its_field(name: str, text: str, words: str) -> None:
    values, wrong = options_in(OPTIONS, {**defaults(), **given(**{name: text})})
    assert values == {}
    assert list(wrong) == [f"{PREFIX}{name}"]
    assert words in wrong[f"{PREFIX}{name}"]
