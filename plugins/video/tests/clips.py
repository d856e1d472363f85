"""Clips as an engine made them, read back."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from msgspec import Struct
from PIL import Image

from studio_worker_video.canvas import Frame


class Clip(Struct, frozen=True):
    """A finished clip, decoded whole."""

    path: Path
    frames: list[Any]
    """RGB, (height, width, 3) each."""
    seconds: Fraction
    rate: Fraction | None = None
    codec: str = ""
    pixels: str = ""

    @property
    def size(self) -> tuple[int, int]:
        (shape,) = {frame.shape for frame in self.frames}
        return shape[1], shape[0]


def decoded(path: Path) -> Clip:
    """Every frame and the whole length of a file."""
    if path.suffix in (".gif", ".webp"):
        return _pictures(path)
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        frames = list(container.decode(stream))
        # Times as they stand in the file, not as the header sums them up.
        times = [(frame.pts or 0) * (frame.time_base or 1) for frame in frames]
        assert times[0] == 0
        assert times == sorted(set(times))
        assert container.duration is not None
        return Clip(
            path=path,
            frames=[frame.to_ndarray(format="rgb24") for frame in frames],
            seconds=Fraction(container.duration, 1_000_000),
            rate=stream.average_rate,
            codec=stream.codec_context.name,
            pixels=str(stream.codec_context.pix_fmt),
        )


def _pictures(path: Path) -> Clip:
    frames: list[Frame] = []
    milliseconds = 0
    with Image.open(path) as picture:
        for number in range(getattr(picture, "n_frames", 1)):
            picture.seek(number)
            frames.append(np.asarray(picture.convert("RGB")))
            milliseconds += picture.info.get("duration", 0)
        codec = str(picture.format)
    return Clip(path=path, frames=frames, seconds=Fraction(milliseconds, 1000), codec=codec)
