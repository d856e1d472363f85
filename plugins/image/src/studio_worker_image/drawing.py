"""Drawing a recipe, band by band, so that memory stays small and a job can stop."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from studio_worker_image.families import FAMILY_PAINTERS, Brief
from studio_worker_image.fields import Band
from studio_worker_image.ramps import Ramp, hex_colours, spread, unpack
from studio_worker_image.reading import Recipe

_LONGEST = 4
"""Most picture units along the longer side."""

_BAND_PIXELS = 1 << 16
"""Few enough that a band's fields stay in the processor's cache."""


def octaves_for(steps: int) -> int:
    """Levels of detail for a number of steps: 1 → 2, 20 → 6, 100 and more → 8."""
    return int(np.clip(2 + round(np.log2(max(steps, 1)) * 0.93), 2, 8))


def ramp_of(recipe: Recipe) -> Ramp:
    """The recipe's colours as a ramp from dark to light."""
    stops = hex_colours(" ".join(recipe.palette.colours))
    return Ramp(spread(stops) if recipe.palette.name == "colours" else stops)


def draw(
    recipe: Recipe,
    ramp: Ramp,
    *,
    width: int,
    height: int,
    steps: int,
    seed: int,
    on_band: Callable[[float], None],
    band_pixels: int = _BAND_PIXELS,
) -> NDArray[np.uint8]:
    """RGB bytes (height, width, 3). ``on_band`` gets the fraction done and may raise."""
    # A very long picture shows its pattern larger, so that its cost stays that of its pixels.
    side = max(min(width, height), max(width, height) / _LONGEST)
    pixel = 1.0 / side
    brief = Brief(
        ramp=ramp,
        rng=np.random.default_rng(seed),
        octaves=octaves_for(steps),
        words=recipe.words,
        width=width * pixel,
        height=height * pixel,
        pixel=pixel,
    )
    paint = FAMILY_PAINTERS[recipe.family](brief)
    x = (np.arange(width, dtype=np.float32) + np.float32(0.5)) * np.float32(pixel)
    y = (np.arange(height, dtype=np.float32) + np.float32(0.5)) * np.float32(pixel)
    rows = max(1, band_pixels // width)
    out = np.empty((height, width, 3), np.uint8)
    for first in range(0, height, rows):
        on_band(first / height)
        out[first : first + rows] = unpack(paint(Band(x, y[first : first + rows], pixel)))
    return out
