"""What the words of a prompt come to."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from studio_worker_core.pictures.palettes import COLOURS, PALETTE_HINTS, PALETTES
from studio_worker_image.drawing import draw, octaves_for, ramp_of
from studio_worker_image.reading import read_prompt
from studio_worker_image.words import FAMILIES, FAMILY_HINTS


@pytest.mark.parametrize(
    ("prompt", "family", "palette"),
    [
        ("sunset over mountains", "landscape", "sunset"),
        ("deep ocean", "waves", "ocean"),
        ("a forest in fog", "landscape", "forest"),
        ("neon city night", "bokeh", "neon"),
        ("Marble Hall", "marble", None),
        ("northern lights over a frozen lake", "aurora", "polar"),
        ("blue and white azulejo tiles", "tiles", "colours"),
        ("red fox", "landscape", "colours"),
        ("stormy sky", "clouds", "storm"),
        ("moonlit sea", "waves", None),
    ],
)
def test_a_prompt_gets_the_picture_its_words_call_for(
    prompt: str, family: str, palette: str | None
) -> None:
    recipe = read_prompt(prompt, None)
    assert recipe.family == family
    assert palette in (None, recipe.palette.name)


def test_negative_words_rule_out_patterns_palettes_and_colours() -> None:
    assert read_prompt("ocean or marble", "ocean, sea").family == "marble"
    assert read_prompt("sunset", "sunset").palette.name != "sunset"
    assert read_prompt("red and blue marble", "red").palette.colours == (COLOURS["blue"],)


def test_a_model_decides_over_the_prompt() -> None:
    assert read_prompt("deep ocean", None, family="wood").family == "wood"


def test_half_a_surrogate_pair_in_a_prompt_is_one_more_character() -> None:
    assert read_prompt("\ud800 ocean", "\udfff") == read_prompt("\ud800 ocean", "\udfff")


def test_hints_belong_to_what_there_is() -> None:
    assert set(FAMILY_HINTS) == set(FAMILIES)


def test_each_hint_alone_is_heard() -> None:
    for word in {word for text in FAMILY_HINTS.values() for word in text.split()}:
        assert word in FAMILY_HINTS[read_prompt(word, None).family].split() or word in FAMILIES
    for word in {word for text in PALETTE_HINTS.values() for word in text.split()}:
        palette = read_prompt(word, None).palette.name
        assert word in PALETTE_HINTS[palette].split() or word in PALETTES


def test_more_steps_are_never_coarser() -> None:
    levels = [octaves_for(steps) for steps in range(1, 300)]
    assert levels == sorted(levels)
    assert (levels[0], levels[19], levels[-1]) == (2, 6, 8)


_WORDS = st.lists(
    st.sampled_from(sorted({*FAMILIES, *PALETTES, *COLOURS, "night", "lake", "forest", "storm"}))
    | st.text(max_size=12),
    max_size=6,
).map(" ".join)


@settings(deadline=None, max_examples=60)
@given(
    prompt=_WORDS,
    negative=st.none() | _WORDS,
    family=st.none() | st.sampled_from(FAMILIES),
    width=st.integers(16, 90),
    height=st.integers(16, 90),
    steps=st.integers(1, 10_000),
    seed=st.integers(0, 2**63 - 1),
)
def test_any_words_and_sizes_make_a_picture(
    prompt: str,
    negative: str | None,
    family: str | None,
    width: int,
    height: int,
    steps: int,
    seed: int,
) -> None:
    recipe = read_prompt(prompt, negative, family=family)
    assert recipe == read_prompt(prompt, negative, family=family)
    shown = draw(
        recipe,
        ramp_of(recipe),
        width=width,
        height=height,
        steps=steps,
        seed=seed,
        on_band=lambda fraction: None,
    )
    assert shown.shape == (height, width, 3)
    assert shown.dtype == "uint8"


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(("width", "height"), [(16, 1200), (1200, 16), (400, 300)])
def test_bands_leave_no_seam_whatever_the_shape(family: str, width: int, height: int) -> None:
    recipe = read_prompt("sunset lake", None, family=family)

    def shown(band_pixels: int) -> NDArray[np.int16]:
        picture = draw(
            recipe,
            ramp_of(recipe),
            width=width,
            height=height,
            steps=20,
            seed=9,
            on_band=lambda fraction: None,
            band_pixels=band_pixels,
        )
        return picture.astype(np.int16)

    difference = np.abs(shown(1 << 14) - shown(width * height))
    # Rounding in matrix products may tip a pixel over a table's step, never a row of them.
    assert (difference > 12).mean() < 0.002
