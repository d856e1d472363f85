"""The colours a prompt asks for."""

from __future__ import annotations

import re

import pytest

from studio_worker_core.pictures.palettes import COLOURS, PALETTE_HINTS, PALETTES, Palettes
from studio_worker_core.pictures.prompts import words_of
from studio_worker_video import words as clips

OURS = Palettes()


def _read(prompt: str, negative: str = "", number: int = 0) -> str:
    fitting = ("ocean", "rose")
    return OURS.read(words_of(prompt), words_of(negative), fitting=fitting, number=number).name


def test_colour_words_are_the_palette_in_their_order() -> None:
    found = OURS.read(["white", "red", "sea", "white"], [], fitting=["rose"], number=0)
    assert found == ("colours", (COLOURS["white"], COLOURS["red"]))


def test_words_call_for_a_palette_unless_it_is_refused() -> None:
    assert _read("a beach") == "ocean"
    assert _read("gold on a beach") == "gold"
    assert _read("a beach at dusk", "sea") == "sunset"


def test_without_such_a_word_the_number_takes_one_that_fits() -> None:
    assert [_read("a thing", number=number) for number in range(3)] == ["ocean", "rose", "ocean"]
    assert _read("a thing", "sea") == "rose"
    assert _read("a thing", "sea love") not in ("ocean", "rose")


@pytest.mark.parametrize(
    ("colours", "hints"), [(PALETTES, PALETTE_HINTS), (clips.PALETTES, clips.PALETTE_HINTS)]
)
def test_palettes_and_their_words_belong_together(
    colours: dict[str, str], hints: dict[str, str]
) -> None:
    assert set(hints) == set(colours)
    for text in colours.values():
        assert re.fullmatch(r"[0-9a-f]{6}( [0-9a-f]{6}){5}", text)
