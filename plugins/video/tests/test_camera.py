"""The camera's way over a picture."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from studio_worker_video.camera import Camera, path_of
from studio_worker_video.reading import read_prompt

SIZE = (160, 100)


def spot(x: float = 460, y: float = 340) -> Image.Image:
    """A soft white point on black."""
    rows, columns = np.mgrid[0:700, 0:900]
    light = 255 * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * 14**2))
    return Image.fromarray(np.repeat(light[..., None], 3, axis=2).astype(np.uint8))


def way_of_the_spot(prompt: str, frames: int = 96) -> NDArray[np.float64]:
    """Where the point's middle is in each frame, in pixels."""
    picture = spot()
    camera = Camera(picture, *SIZE, path_of(read_prompt(prompt, None), picture, SIZE, 4.0))
    rows, columns = np.mgrid[0 : SIZE[1], 0 : SIZE[0]] + 0.5
    places = []
    for number in range(frames):
        light = camera(number / (frames - 1))[..., 0].astype(np.float64)
        places.append(((light * columns).sum(), (light * rows).sum()) / light.sum())
    return np.array(places)


@pytest.mark.parametrize("prompt", ["zoom in", "slowly pan left", "zoom out and pan up"])
def test_the_camera_moves_between_pixels_without_a_jerk(prompt: str) -> None:
    places = way_of_the_spot(prompt)
    # A camera on whole pixels would jump by one: here no step differs from the last by more
    # than a fraction.
    assert np.abs(np.diff(places, 2, axis=0)).max() < 0.12


def test_it_starts_and_ends_gently() -> None:
    steps = np.abs(np.diff(way_of_the_spot("pan left")[:, 0]))
    assert steps[0] < 0.2 * steps.max()
    assert steps[-1] < 0.2 * steps.max()


@pytest.mark.parametrize(
    ("prompt", "axis", "sign"),
    [("pan left", 0, 1), ("pan right", 0, -1), ("tilt up", 1, 1), ("pan down", 1, -1)],
)
def test_what_is_seen_moves_against_the_camera(prompt: str, axis: int, sign: int) -> None:
    places = way_of_the_spot(prompt, 5)
    assert sign * (places[-1] - places[0])[axis] > 5


def test_zooms_go_the_way_the_words_say() -> None:
    picture = spot()
    for prompt, grows in (("zoom in on the castle", True), ("zooming out", False)):
        start, end = path_of(read_prompt(prompt, None), picture, SIZE, 2.0)
        assert (end.zoom > start.zoom) is grows


def test_without_words_the_prompt_decides_and_always_the_same_way() -> None:
    picture = spot()
    ways = {path_of(read_prompt(f"castle {n}", None), picture, SIZE, 2.0) for n in range(20)}
    assert len(ways) > 3
    again = {path_of(read_prompt(f"castle {n}", None), picture, SIZE, 2.0) for n in range(20)}
    assert ways == again


@pytest.mark.parametrize("shape", [(900, 300), (300, 900), (40, 30), (3000, 100), (1, 1)])
@pytest.mark.parametrize("prompt", ["zoom in", "fast pan left and up", "zoom out, pan right"])
def test_the_view_never_leaves_the_picture_and_keeps_its_shape(
    shape: tuple[int, int], prompt: str
) -> None:
    picture = Image.new("RGB", shape, (10, 200, 30))
    camera = Camera(picture, *SIZE, path_of(read_prompt(prompt, None), picture, SIZE, 30.0))
    for turn in np.linspace(0, 1, 21):
        left, top, right, bottom = camera.box(float(turn))
        assert left >= 0
        assert top >= 0
        assert (right - left) / (bottom - top) == pytest.approx(1.6)
        assert camera(float(turn)).shape == (100, 160, 3)


def test_there_and_back_ends_where_it_began() -> None:
    picture = spot()
    way = path_of(read_prompt("zoom in", None), picture, SIZE, 2.0)
    camera = Camera(picture, *SIZE, way, there_and_back=True)
    assert camera.box(0.0) == camera.box(1.0)
    assert camera.box(0.5) == Camera(picture, *SIZE, way).box(1.0)
