"""How much one job may ask for, and how the operator raises it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from studio_worker_core.pictures.limits import PictureLimits
from studio_worker_core.plugin import InvalidTask

LEAST_SIDE = 16
"""Shortest side in pixels: below it the encoders have no whole block to work on."""


class Bounds(PictureLimits, frozen=True):
    """The most of each that a job may ask for; 0 is no limit."""

    VARIABLES: ClassVar[Mapping[str, str]] = {
        "max_side": "STUDIO_WORKER_MAX_SIDE",
        "max_seconds": "STUDIO_WORKER_MAX_SECONDS",
        "max_fps": "STUDIO_WORKER_MAX_FPS",
        "max_megapixels": "STUDIO_WORKER_MAX_VIDEO_MEGAPIXELS",
    }

    max_side: int = 2048
    """Pixels of the longer side."""
    max_seconds: int = 60
    max_fps: int = 60
    max_megapixels: int = 4000
    """Millions of pixels in all frames together; 4000 is a minute and more of 1080p at
    24 fps."""

    def check(self, *, width: int, height: int, seconds: float, fps: float) -> None:
        """Refuse what is over a limit.

        Raises:
            InvalidTask: says what was asked, the limit, and the variable that raises it.
        """
        for name, side in (("width", width), ("height", height)):
            if side < LEAST_SIDE:
                raise InvalidTask(f"{name} {side} px is less than the {LEAST_SIDE} a clip needs")
            self.refuse_over("max_side", f"{name} {side} px", side)
        self.refuse_over("max_seconds", f"a clip of {seconds:g} s", seconds)
        self.refuse_over("max_fps", f"{fps:g} fps", fps)
        total = width * height * seconds * fps / 1e6
        asked = f"{seconds:g} s of {width}x{height} at {fps:g} fps is {total:.0f} megapixels and"
        self.refuse_over("max_megapixels", asked, total)
