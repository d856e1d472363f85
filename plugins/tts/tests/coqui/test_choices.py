from __future__ import annotations

import pytest

from studio_worker_core.plugin import InvalidTask
from studio_worker_tts.coqui.choices import language_for, pace_for, speaker_for

SPEAKERS = ["p225", "p226", "Ana Florence", "female-en-5\n"]


@pytest.mark.parametrize(
    ("voice", "speaker"),
    [
        ("default", "p225"),
        ("", "p225"),
        ("p226", "p226"),
        ("P226", "p226"),
        ("ana florence", "Ana Florence"),
        ("female-en-5", "female-en-5\n"),  # as YourTTS really has it
    ],
)
def test_a_voice_is_found_by_its_name(voice: str, speaker: str) -> None:
    assert speaker_for(voice, SPEAKERS) == speaker


def test_a_model_with_one_voice_has_only_the_default() -> None:
    assert speaker_for("default", []) is None
    with pytest.raises(InvalidTask, match="none named 'anna'"):
        speaker_for("anna", [])


def test_an_unknown_voice_is_answered_with_its_neighbours() -> None:
    with pytest.raises(InvalidTask, match="did you mean 'p226' or 'p225'"):
        speaker_for("p2266", SPEAKERS)


def test_a_long_list_of_voices_is_cut() -> None:
    with pytest.raises(InvalidTask, match="s10, s11 and 88 more"):
        speaker_for("?", [f"s{number}" for number in range(100)])


@pytest.mark.parametrize(
    ("language", "spoken"),
    [(None, "de"), ("", "de"), ("en", "en"), ("EN", "en"), ("en-GB", "en"), ("zh", "zh-cn")],
)
def test_a_language_is_found_by_its_code(language: str | None, spoken: str) -> None:
    assert language_for(language, ["de", "en", "zh-cn"], None) == spoken


def test_a_model_of_one_language_takes_that_one() -> None:
    assert language_for(None, [], "en") is None
    assert language_for("en-us", [], "en") is None
    with pytest.raises(InvalidTask, match="speaks 'en', not 'de'"):
        language_for("de", [], "en")


def test_an_unknown_language_is_answered_with_the_known_ones() -> None:
    with pytest.raises(InvalidTask, match="its languages are de, en"):
        language_for("fr", ["de", "en"], None)


def test_a_pace_is_refused_where_the_model_has_none() -> None:
    assert pace_for(None, adjustable=False) == 1.0
    assert pace_for(1.0, adjustable=False) == 1.0
    assert pace_for(1.5, adjustable=True) == 1.5
    with pytest.raises(InvalidTask, match="cannot change its pace"):
        pace_for(1.5, adjustable=False)
    with pytest.raises(InvalidTask, match="speed 9"):
        pace_for(9.0, adjustable=True)
