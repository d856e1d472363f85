"""The animated scenes."""

from __future__ import annotations

import numpy as np
import pytest

from studio_worker_video.canvas import Canvas, layers
from studio_worker_video.colours import Ramp
from studio_worker_video.reading import read_prompt
from studio_worker_video.scenes import SCENES, Scene, Setting
from studio_worker_video.scenes.spots import stamp
from studio_worker_video.words import PALETTES, SCENE_HINTS

FRAMES = 48


def made(name: str, width: int = 96, height: int = 64, seconds: float = 2.0) -> Scene:
    recipe = read_prompt(name, None)
    rng = np.random.default_rng(recipe.seed)
    return SCENES[name](Setting(width, height, Ramp(recipe.colours), rng, seconds, 1.0))


def difference(scene: Scene, one: float, two: float) -> float:
    return float(np.abs(scene(one).astype(int) - scene(two)).mean())


def test_every_scene_has_words_that_call_for_it() -> None:
    assert set(SCENES) == set(SCENE_HINTS)


@pytest.mark.parametrize("name", SCENES)
def test_a_scene_moves_smoothly_and_is_neither_flat_nor_dark(name: str) -> None:
    scene = made(name)
    frame = scene(0.3)
    assert frame.dtype == np.uint8
    assert frame.shape == (64, 96, 3)
    assert frame.std() > 8
    assert frame.max() > 110
    step, far = difference(scene, 0.3, 0.3 + 1 / FRAMES), difference(scene, 0.3, 0.437)
    assert 0.02 < step < 40
    assert step < far


@pytest.mark.parametrize("name", sorted(set(SCENES) - {"landscape"}))
@pytest.mark.parametrize("seconds", [0.5, 2.0, 7.3])
def test_the_last_frame_runs_into_the_first(name: str, seconds: float) -> None:
    scene = made(name, seconds=seconds)
    assert difference(scene, 0.0, 1.0) < 0.6
    steps = [difference(scene, k / FRAMES, (k + 1) / FRAMES) for k in (5, 20, 30, FRAMES - 1)]
    assert steps[-1] < 2.5 * max(steps[:-1])


@pytest.mark.parametrize("name", SCENES)
@pytest.mark.parametrize("size", [(16, 16), (16, 300), (300, 17), (1100, 620)])
def test_a_scene_fits_any_shape(name: str, size: tuple[int, int]) -> None:
    scene = made(name, *size)
    assert scene(0.4).shape == (size[1], size[0], 3)


@pytest.mark.parametrize("name", SCENES)
def test_a_moment_is_the_same_whatever_was_drawn_before(name: str) -> None:
    scene, other = made(name), made(name)
    scene(0.9)
    scene(0.1)
    assert np.array_equal(scene(0.5), other(0.5))


@pytest.mark.parametrize("detail", [512, 40])
def test_a_canvas_without_its_upper_rows_has_the_places_of_the_whole(detail: int) -> None:
    whole, below = Canvas(90, 120, detail), Canvas(90, 120, detail, 75)
    assert np.allclose(below.full()[1], whole.full()[1][75:], atol=1e-6)
    place = below.enlarge(below.y + 0 * below.x)
    assert place.shape == (45, 90)
    # A cubic bends at the border only.
    assert np.allclose(place[5:-5], below.full()[1][5:-5], atol=1e-5)


def test_light_is_added_however_it_lies_in_memory() -> None:
    spot = np.ones(1)
    lit, side_by_side = layers(8, 9), np.zeros((8, 9, 3), np.float32)
    for light in (lit, side_by_side):
        stamp(light, spot * 4, spot * 4, spot, np.array([[1.0, 0.5, 0.25]]))
    assert lit.sum() > 1
    assert np.array_equal(lit, side_by_side)


@pytest.mark.parametrize("palette", PALETTES)
def test_a_ramp_gets_lighter_from_dark_to_light(palette: str) -> None:
    ramp = Ramp(PALETTES[palette].split())
    light = ramp.at(np.linspace(0, 1, 64, dtype=np.float32)) @ np.array([0.21, 0.72, 0.07])
    assert (np.diff(light) > -0.02).all()
    assert light[-1] > 0.7


@pytest.mark.parametrize("colours", [("000000",), ("ffffff",), ("f7f7f4", "121316"), ("d62828",)])
def test_any_plain_colours_make_a_ramp(colours: tuple[str, ...]) -> None:
    shades = Ramp(colours).at(np.linspace(0, 1, 16, dtype=np.float32))
    assert np.isfinite(shades).all()
    assert shades[-1].mean() > shades[0].mean() + 0.4
