"""What a prompt means."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studio_worker_core.pictures.palettes import COLOURS
from studio_worker_video.reading import SCENES, read_prompt
from studio_worker_video.words import MOVES, PALETTES


@pytest.mark.parametrize(
    ("prompt", "scene"),
    [
        ("a cosy campfire at night", "fire"),
        ("northern lights over a lake", "aurora"),
        ("flying through a galaxy of stars", "starfield"),
        ("neon cyberpunk tunnel", "tunnel"),
        ("waves on the beach at sunset", "waves"),
        ("snowy blizzard", "snow"),
        ("Fluffy CLOUDS!", "clouds"),
        *((scene, scene) for scene in SCENES),
    ],
)
def test_words_choose_the_scene(prompt: str, scene: str) -> None:
    assert read_prompt(prompt, None).scene == scene


def test_words_choose_the_colours() -> None:
    assert read_prompt("red and gold plasma", None).colours == (COLOURS["red"],)
    assert read_prompt("ocean", None).colours == tuple(PALETTES["ocean"].split())


def test_negative_words_rule_out() -> None:
    assert read_prompt("fire and waves of fire", "flames").scene == "waves"
    assert read_prompt("red blue plasma", "red").colours == (COLOURS["blue"],)
    assert all(read_prompt(f"thing {n}", "plasma").scene != "plasma" for n in range(50))


def test_words_choose_the_speed() -> None:
    slow, normal, fast = (read_prompt(f"{w} waves", None).speed for w in ("calm", "big", "wild"))
    assert slow < normal < fast


@pytest.mark.parametrize(
    ("prompt", "moves"),
    [
        ("zoom out", {"zoom out"}),
        ("slowly zooming in on it", {"zoom in"}),
        ("Pan LEFT, then zoom-in", {"pan left", "zoom in"}),
        ("pull back and tilt up", {"zoom out", "pan up"}),
        ("a pancake on the left", set()),
    ],
)
def test_words_choose_the_move(prompt: str, moves: set[str]) -> None:
    assert set(read_prompt(prompt, None).moves) == moves


@settings(deadline=None)
@given(st.text(), st.none() | st.text())
def test_any_text_is_a_recipe_and_always_the_same_one(prompt: str, negative: str | None) -> None:
    recipe = read_prompt(prompt, negative)
    assert recipe == read_prompt(prompt, negative)
    assert recipe.scene in SCENES
    assert recipe.colours
    assert set(recipe.moves) <= set(MOVES)


def test_prompts_without_a_known_word_are_spread_over_the_scenes() -> None:
    assert len({read_prompt(f"xyzzy {n}", None).scene for n in range(100)}) > 9
