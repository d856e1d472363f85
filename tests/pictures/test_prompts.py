"""The words of a prompt."""

from __future__ import annotations

from studio_worker_core.pictures.prompts import Lexicon, digest, words_of

SKIES = Lexicon(("clouds", "starfield"), {"clouds": "sky fog", "starfield": "sky star"})


def test_plurals_are_read_in_the_singular() -> None:
    assert words_of("Galaxies, waves & GLASS") == ["galaxy", "wave", "glass"]


def test_words_that_only_look_like_plurals_stay() -> None:
    assert words_of("iris on a cactus, oasis") == ["iris", "on", "a", "cactus", "oasis"]


def test_the_name_most_words_speak_for_is_chosen() -> None:
    assert SKIES.choose(words_of("stars in the sky")) == "starfield"
    assert SKIES.choose(words_of("clouds under stars")) == "clouds"
    assert SKIES.choose(words_of("a road")) is None


def test_a_banned_name_is_not_chosen() -> None:
    banned = SKIES.named(words_of("fog"))
    assert banned == {"clouds"}
    assert SKIES.choose(words_of("clouds in the sky"), banned) == "starfield"


def test_texts_make_a_number_and_their_border_counts() -> None:
    assert digest("a", "b") == digest("a", "b")
    assert len({digest("ab", ""), digest("a", "b"), digest("", "ab")}) == 3
