"""The grid a scene is drawn on, and smooth random fields that move without a seam in time.

Coordinates are in units of the shorter side, the middle of the picture is (0, 0), y grows
downwards. Time is in turns: 0 is the first frame, 1 would be the first frame again.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Floats = NDArray[np.float32]
Field = NDArray[np.floating[Any]]
"""What is worked out in between, whatever precision numpy made it."""

Frame = NDArray[np.uint8]
"""RGB, shape (height, width, 3)."""

_TILE = 256


class Canvas:
    """A picture's size and its coordinates.

    :param detail: pixels of the shorter side that soft fields are worked out at; they are
        enlarged smoothly to the full size.
    """

    def __init__(self, width: int, height: int, detail: int = 320) -> None:
        self.width, self.height = width, height
        self.short = min(width, height)
        scale = min(1.0, detail / self.short)
        self.rows, self.columns = max(2, round(height * scale)), max(2, round(width * scale))
        self.x, self.y = self._grid(self.columns, self.rows)

    @property
    def aspect(self) -> tuple[float, float]:
        """Width and height in units of the shorter side."""
        return self.width / self.short, self.height / self.short

    def full(self) -> tuple[Floats, Floats]:
        """x (1, width) and y (height, 1) at the full size."""
        return self._grid(self.width, self.height)

    def enlarge(self, field: Field) -> Floats:
        """A worked-out field, or several as (rows, columns, n), at the full size."""
        if field.shape[:2] == (self.height, self.width):
            return np.asarray(field, np.float32)
        if field.ndim == 3:
            layers = [self.enlarge(field[..., n]) for n in range(field.shape[2])]
            return np.stack(layers, axis=-1)
        picture = Image.fromarray(np.ascontiguousarray(field, np.float32))
        size = (self.width, self.height)
        return np.asarray(picture.resize(size, Image.Resampling.BICUBIC), np.float32)

    def _grid(self, columns: int, rows: int) -> tuple[Floats, Floats]:
        wide, tall = self.aspect
        x = ((np.arange(columns) + 0.5) / columns - 0.5) * wide
        y = ((np.arange(rows) + 0.5) / rows - 0.5) * tall
        return x.astype(np.float32)[None, :], y.astype(np.float32)[:, None]


def fractal(
    rng: np.random.Generator, *, coarsest: float = 1.0, finest: float = 64.0, slope: float = 1.9
) -> Floats:
    """A square tile of fractal noise without seams, mean 0 and deviation 1.

    :param coarsest, finest: waves across the tile between which there is anything.
    :param slope: how fast fine waves fade; 1.5 is rough, 3 is smooth.
    """
    axis = np.fft.fftfreq(_TILE, 1 / _TILE)
    frequency = np.hypot(axis[:, None], axis[None, :])
    inside = (frequency >= coarsest) & (frequency <= finest)
    weight = np.where(inside, np.maximum(frequency, 1) ** -slope, 0)
    field = np.fft.ifft2(np.fft.fft2(rng.standard_normal((_TILE, _TILE))) * weight).real
    return np.asarray(field / field.std(), np.float32)


class Texture:
    """A tile without seams, read at any point between its pixels."""

    def __init__(self, tile: Floats) -> None:
        self._tile = tile.ravel()

    def __call__(self, u: Field, v: Field) -> Floats:
        """The texture at (u, v), which broadcast together; 1 is a whole tile."""
        # Adding a large whole number of tiles keeps the truncation a floor.
        x = (np.asarray(u, np.float32) + np.float32(64)) * np.float32(_TILE)
        y = (np.asarray(v, np.float32) + np.float32(64)) * np.float32(_TILE)
        column, row = x.astype(np.int32), y.astype(np.int32)
        x, y = x - column.astype(np.float32), y - row.astype(np.float32)
        mask = _TILE - 1
        left, right = column & mask, (column + 1) & mask
        top, bottom = (row & mask) * _TILE, ((row + 1) & mask) * _TILE
        tile = self._tile
        upper = tile.take(top + left)
        upper += (tile.take(top + right) - upper) * x
        lower = tile.take(bottom + left)
        lower += (tile.take(bottom + right) - lower) * x
        lower -= upper
        lower *= y
        lower += upper
        return np.asarray(lower, np.float32)


class Drift:
    """A soft random field that changes shape all the time and is back at its start after one
    turn: a still part, and parts mixed like the coordinates of a clock's hands.

    :param size: breadth of its features in picture units.
    :param cycles: times the slower hand goes round in one turn.
    :param amount: how much of the field moves, 0 to 1.
    :param slope: see :func:`fractal`.
    """

    def __init__(
        self,
        canvas: Canvas,
        rng: np.random.Generator,
        *,
        size: float,
        cycles: int,
        amount: float = 1.0,
        slope: float = 2.6,
    ) -> None:
        period = np.float32(4.0 * size)
        fields: list[Floats] = []
        for _ in range(5):
            texture = Texture(fractal(rng, coarsest=1.0, finest=32.0, slope=slope))
            u, v = rng.random(2).astype(np.float32)
            fields.append(texture(canvas.x / period + u, canvas.y / period + v))
        self._still = fields[0] * np.float32((1 - amount**2) ** 0.5)
        self._hands = [
            (cycles, np.float32(0.9 * amount), fields[1], fields[2]),
            (cycles + 1, np.float32(0.436 * amount), fields[3], fields[4]),
        ]

    def __call__(self, turn: float) -> Floats:
        """The field at a moment, deviation about 1."""
        field = self._still.copy()
        for cycles, weight, across, up in self._hands:
            angle = 2 * np.pi * turn * cycles
            field += (weight * np.float32(np.cos(angle))) * across
            field += (weight * np.float32(np.sin(angle))) * up
        return field


def wave(turns: Field) -> Floats:
    """Sine of an angle in turns."""
    return np.asarray(np.sin(np.asarray(turns, np.float32) * np.float32(2 * np.pi)), np.float32)


def smoothstep(low: float, high: float, value: Field) -> Floats:
    """0 below ``low``, 1 above ``high``, a smooth rise between."""
    part = np.clip((value - np.float32(low)) / np.float32(high - low), 0, 1)
    return np.asarray(part * part * (3 - 2 * part), np.float32)
