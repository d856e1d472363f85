"""The writers' own promises: nothing is held that need not be."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from studio_worker_video.canvas import Frame
from studio_worker_video.settings import Settings
from studio_worker_video.timing import Timing
from studio_worker_video.writers import WRITERS


def noise(number: int, width: int, height: int) -> Frame:
    rng = np.random.default_rng(number)
    return rng.integers(0, 256, (height, width, 3), dtype=np.uint8)


class Counting:
    """Frames that know how many of them are alive at once."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._alive = 0
        self.most = 0

    def __iter__(self) -> Iterator[Frame]:
        for number in range(self._settings.timing.frames):
            frame = noise(number, self._settings.width, self._settings.height).view(_Tracked)
            frame.owner = self
            self.count(1)
            yield frame
            del frame

    def count(self, change: int) -> None:
        self._alive += change
        self.most = max(self.most, self._alive)


class _Tracked(np.ndarray[tuple[int, ...], np.dtype[np.uint8]]):
    owner: Counting | None = None

    def __del__(self) -> None:
        if self.owner is not None:
            self.owner.count(-1)


@pytest.mark.parametrize("ext", WRITERS)
def test_frames_are_passed_on_one_by_one(tmp_path: Path, ext: str) -> None:
    settings = Settings(64, 48, ext, Timing(60, Fraction(3)))
    frames = Counting(settings)
    WRITERS[ext](tmp_path / f"clip.{ext}", settings, frames, lambda k: noise(k, 64, 48))
    assert 1 <= frames.most <= 3


def test_a_gif_stores_only_what_changed(tmp_path: Path) -> None:
    def draw(number: int) -> Frame:
        frame = np.zeros((64, 64, 3), np.uint8)
        frame[:8, :8] = 200
        frame[20:24, 4 * number : 4 * number + 4] = 255
        return frame

    settings = Settings(64, 64, "gif", Timing(10, Fraction(1)))
    path = tmp_path / "clip.gif"
    WRITERS["gif"](path, settings, map(draw, range(10)), draw)
    with Image.open(path) as picture:
        for number in range(10):
            picture.seek(number)
            assert np.array_equal(np.asarray(picture.convert("RGB")), draw(number))
    assert path.stat().st_size < 2000


@pytest.mark.parametrize("colours", [1, 2, 3, 17, 256])
def test_a_gif_of_few_colours_has_exactly_those(tmp_path: Path, colours: int) -> None:
    shades = np.linspace(0, 255, colours).astype(np.uint8)

    def draw(number: int) -> Frame:
        row = np.roll(np.resize(shades, 256), number)
        return np.repeat(np.tile(row, (16, 1))[..., None], 3, axis=2)

    settings = Settings(256, 16, "gif", Timing(4, Fraction(1)))
    path = tmp_path / "clip.gif"
    WRITERS["gif"](path, settings, map(draw, range(4)), draw)
    with Image.open(path) as picture:
        assert getattr(picture, "n_frames", 1) == 4
        for number in range(4):
            picture.seek(number)
            assert np.abs(np.asarray(picture.convert("RGB")).astype(int) - draw(number)).max() <= 4
