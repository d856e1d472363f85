"""What a family is told, and the little that several families share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from studio_worker_image.fields import Band, Floats
from studio_worker_image.ramps import Packed, Ramp

Painter = Callable[[Band], Packed]


@dataclass(frozen=True)
class Brief:
    """The picture asked for. Lengths are in units of its shorter side."""

    ramp: Ramp
    rng: np.random.Generator
    octaves: int
    words: frozenset[str]
    width: float
    height: float
    pixel: float

    def says(self, *words: str) -> bool:
        """True if the prompt has one of these words."""
        return not self.words.isdisjoint(words)


Family = Callable[[Brief], Painter]


def index(value: Floats, size: int) -> NDArray[np.int32]:
    """0…1 → 0…size-1; what lies outside is left to ``take(mode="clip")``."""
    return np.asarray((value * np.float32(size - 1) + np.float32(0.5)).astype(np.int32))


def pack_planes(red: Floats, green: Floats, blue: Floats) -> Packed:
    """Three planes 0…1 (h, w) → packed pixels."""
    out = np.zeros((*red.shape, 4), np.uint8)
    for channel, plane in enumerate((red, green, blue)):
        scaled = plane * np.float32(255)
        scaled += np.float32(0.5)
        np.clip(scaled, 0, 255, out=scaled)
        out[..., channel] = scaled
    return np.asarray(out.view("<u4")[..., 0], np.uint32)


def splat_stars(band: Band, stars: Floats) -> Floats:
    """Light of point stars over a band. ``stars``: rows of x, y, brightness, radius."""
    light = np.zeros(band.shape, np.float32)
    top, left = float(band.y[0]), float(band.x[0])
    reach = 4 * np.maximum(stars[:, 3], 0.7 * band.pixel)
    near = stars[(stars[:, 1] > top - reach) & (stars[:, 1] < float(band.y[-1]) + reach)]
    small = near[:, 3] <= 0.7 * band.pixel
    _sprinkle(light, near[small], left, top, band.pixel)
    for x, y, brightness, size in near[~small].tolist():
        reach = size * 4
        first = int(np.floor((y - reach - top) / band.pixel))
        last = int(np.ceil((y + reach - top) / band.pixel)) + 1
        start = int(np.floor((x - reach - left) / band.pixel))
        stop = int(np.ceil((x + reach - left) / band.pixel)) + 1
        first, start = max(first, 0), max(start, 0)
        if last <= first or stop <= start or first >= len(band.y) or start >= len(band.x):
            continue
        dy = ((band.y[first:last] - np.float32(y)) / np.float32(size)) ** 2
        dx = ((band.x[start:stop] - np.float32(x)) / np.float32(size)) ** 2
        # A Gaussian is separable, so a star costs one small outer product.
        light[first:last, start:stop] += np.float32(brightness) * np.outer(
            np.exp(-dy), np.exp(-dx)
        ).astype(np.float32)
    return light


def _sprinkle(light: Floats, stars: Floats, left: float, top: float, pixel: float) -> None:
    """Add stars no larger than a pixel, all at once, as small Gaussians of 5 by 5 pixels."""
    if not len(stars):
        return
    rows, columns = light.shape
    u, v = (stars[:, 0] - left) / pixel, (stars[:, 1] - top) / pixel
    middle_u, middle_v = np.round(u).astype(np.intp), np.round(v).astype(np.intp)
    steps = np.arange(-2, 3)
    column, row = middle_u[:, None] + steps, middle_v[:, None] + steps
    across = np.exp(-(((column - u[:, None]) / 0.7) ** 2))
    down = np.exp(-(((row - v[:, None]) / 0.7) ** 2)) * stars[:, 2:3]
    # What falls outside adds nothing, at the edge.
    across[(column < 0) | (column >= columns)] = 0
    down[(row < 0) | (row >= rows)] = 0
    place = (
        np.clip(row, 0, rows - 1)[:, :, None] * columns + np.clip(column, 0, columns - 1)[:, None]
    )
    amount = (down[:, :, None] * across[:, None, :]).astype(np.float32)
    np.add.at(light.reshape(-1), place.reshape(-1), amount.reshape(-1))
