"""How many frames a clip has and how long each is shown, so that the whole is exact."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

from msgspec import Struct

GIF_LEAST_DELAY = 2
"""Centiseconds: browsers show a GIF frame with a shorter delay for ten."""


class Timing(Struct, frozen=True):
    """The frames of a clip in time."""

    frames: int
    """At least 1."""
    seconds: Fraction
    """Length of the whole clip."""

    @property
    def rate(self) -> Fraction:
        """Frames a second, so that ``frames / rate`` is ``seconds`` exactly."""
        return self.frames / self.seconds

    def delays(self, unit: int) -> list[int]:
        """How long each frame is shown, in ``1 / unit`` seconds; adds up to the whole clip."""
        return spread_delays(self.frames, round(self.seconds * unit))


def spread_delays(frames: int, total: int) -> list[int]:
    """``total`` units over ``frames``: no two delays differ by more than one."""
    edges = [k * total // frames for k in range(frames + 1)]
    return [after - before for before, after in pairwise(edges)]


def timing_of(seconds: float, fps: float, ext: str) -> Timing:
    """The timing of a clip of ``seconds`` at about ``fps``.

    The length wins: where ``seconds * fps`` is no whole number the frames are shown a little
    longer or shorter than ``1 / fps``. A GIF is as long as whole centiseconds allow, an animated
    WebP as whole milliseconds do; any other clip is right to half a millisecond or better.
    """
    # Decimal text first: 0.1 means a tenth, not the nearest binary fraction.
    asked, rate = Fraction(str(seconds)), Fraction(str(fps))
    frames = max(1, round(asked * rate))
    if ext == "gif":
        ticks = max(GIF_LEAST_DELAY, round(asked * 100))
        return Timing(min(frames, ticks // GIF_LEAST_DELAY), Fraction(ticks, 100))
    if ext == "webp":
        return Timing(frames, Fraction(max(1, round(asked * 1000)), 1000))
    # Encoders keep the rate as two 32-bit numbers.
    fine = min(1000, 2**31 // (frames + 1))
    return Timing(frames, max(asked.limit_denominator(fine), Fraction(1, 1000)))
