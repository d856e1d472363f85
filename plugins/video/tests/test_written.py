"""Clips read back from their files."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import pytest
from PIL import Image

from studio_worker_core.pictures import animation_of
from studio_worker_core.plugin import EngineFailed
from studio_worker_video.settings import Settings
from studio_worker_video.timing import Timing
from studio_worker_video.writers import CLIPS, check_clip


def _still(path: Path, frames: int) -> Settings:
    ext = path.suffix.removeprefix(".")
    settings = Settings(48, 32, ext, Timing(frames, Fraction(3, 2)))
    with iio.imopen(path, "w", plugin=CLIPS[ext], settings=settings) as clip:
        for _ in range(frames):
            clip.write(np.full((32, 48, 3), 90, np.uint8))
    return settings


@pytest.mark.parametrize("frames", [1, 12])
@pytest.mark.parametrize("ext", CLIPS)
def test_a_still_scene_keeps_its_length(tmp_path: Path, ext: str, frames: int) -> None:
    path = tmp_path / f"clip.{ext}"
    check_clip(path, _still(path, frames))
    if ext == "webp":
        assert animation_of(path).milliseconds == 1500
        with Image.open(path) as picture:
            picture.load()
            assert picture.size == (48, 32)
            assert picture.info["duration"] == 1500


@pytest.mark.parametrize("ext", CLIPS)
def test_a_clip_that_is_cut_short_does_not_count(tmp_path: Path, ext: str) -> None:
    path = tmp_path / f"clip.{ext}"
    settings = _still(path, 12)
    path.write_bytes(path.read_bytes()[:-60])
    with pytest.raises(EngineFailed, match="the written clip"):
        check_clip(path, settings)
