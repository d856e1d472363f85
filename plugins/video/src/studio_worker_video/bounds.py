"""How much one job may ask for, and how the operator raises it."""

from __future__ import annotations

import os
from collections.abc import Mapping

from msgspec import Struct

from studio_worker_core.plugin import InvalidTask

__all__ = ["LEAST_SIDE", "Bounds", "bounds_from"]

LEAST_SIDE = 16
"""Shortest side in pixels: below it the encoders have no whole block to work on."""

_VARIABLES = {
    "max_side": "STUDIO_WORKER_MAX_SIDE",
    "max_seconds": "STUDIO_WORKER_MAX_SECONDS",
    "max_fps": "STUDIO_WORKER_MAX_FPS",
    "max_megapixels": "STUDIO_WORKER_MAX_VIDEO_MEGAPIXELS",
}


class Bounds(Struct, frozen=True):
    """The most of each that a job may ask for; 0 is no limit."""

    max_side: int = 2048
    """Pixels of the longer side (``STUDIO_WORKER_MAX_SIDE``)."""
    max_seconds: int = 60
    """Seconds of a clip (``STUDIO_WORKER_MAX_SECONDS``)."""
    max_fps: int = 60
    """Frames a second (``STUDIO_WORKER_MAX_FPS``)."""
    max_megapixels: int = 4000
    """Millions of pixels in all frames together (``STUDIO_WORKER_MAX_VIDEO_MEGAPIXELS``);
    4000 is a minute and more of 1080p at 24 fps."""

    def check(self, *, width: int, height: int, seconds: float, fps: float) -> None:
        """Refuse what is over a limit.

        Raises:
            InvalidTask: says what was asked, the limit, and the variable that raises it.
        """
        for name, side in (("width", width), ("height", height)):
            if side < LEAST_SIDE:
                raise InvalidTask(f"{name} {side} px is less than the {LEAST_SIDE} a clip needs")
            self._check("max_side", f"{name} {side} px", side)
        self._check("max_seconds", f"a clip of {seconds:g} s", seconds)
        self._check("max_fps", f"{fps:g} fps", fps)
        total = width * height * seconds * fps / 1e6
        asked = f"{seconds:g} s of {width}x{height} at {fps:g} fps is {total:.0f} megapixels and"
        self._check("max_megapixels", asked, total)

    def _check(self, limit: str, asked: str, value: float) -> None:
        most: int = getattr(self, limit)
        if 0 < most < value:
            raise InvalidTask(
                f"{asked} is more than the {most} allowed here; set {_VARIABLES[limit]} in the "
                "worker's environment to allow more (0: no limit)"
            )


def bounds_from(environment: Mapping[str, str] = os.environ) -> Bounds:
    """The bounds as the environment sets them.

    Raises:
        InvalidTask: a variable is no whole number.
    """
    found: dict[str, int] = {}
    for field, variable in _VARIABLES.items():
        text = environment.get(variable, "").strip()
        if not text:
            continue
        if not text.isascii() or not text.isdigit():
            raise InvalidTask(f"{variable}={text[:40]!r} is no whole number of 0 or more")
        found[field] = int(text)
    return Bounds(**found)
