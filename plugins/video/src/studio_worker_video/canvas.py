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
    :param top: rows of the picture that are left out above.
    """

    def __init__(self, width: int, height: int, detail: int = 320, top: int = 0) -> None:
        self.width, self.height, self.top = width, height, top
        self.short = min(width, height)
        scale = min(1.0, detail / self.short)
        self.rows = max(2, round((height - top) * scale))
        self.columns = max(2, round(width * scale))
        self.x, self.y = self._grid(self.columns, self.rows)

    @property
    def aspect(self) -> tuple[float, float]:
        """Width and height in units of the shorter side."""
        return self.width / self.short, self.height / self.short

    def full(self) -> tuple[Floats, Floats]:
        """x (1, width) and y (height, 1) at the full size."""
        return self._grid(self.width, self.height - self.top)

    def enlarge(self, field: Field) -> Floats:
        """A worked-out field, or several as (rows, columns, n), at the full size."""
        rows = self.height - self.top
        if field.shape[:2] == (rows, self.width):
            return np.asarray(field, np.float32)
        if field.ndim == 3:
            light = layers(rows, self.width, field.shape[2])
            for number in range(field.shape[2]):
                light[..., number] = self.enlarge(field[..., number])
            return light
        picture = Image.fromarray(np.ascontiguousarray(field, np.float32))
        return np.asarray(picture.resize((self.width, rows), Image.Resampling.BICUBIC), np.float32)

    def _grid(self, columns: int, rows: int) -> tuple[Floats, Floats]:
        wide, tall = self.aspect
        x = ((np.arange(columns) + 0.5) / columns - 0.5) * wide
        part = self.top / self.height
        y = (part + (1 - part) * (np.arange(rows) + 0.5) / rows - 0.5) * tall
        return x.astype(np.float32)[None, :], y.astype(np.float32)[:, None]


def layers(rows: int, columns: int, count: int = 3) -> Floats:
    """Zeros of the shape (rows, columns, count), each layer in one piece of memory.

    numpy walks along the memory: sums and products of such arrays, also with (rows, columns, 1),
    are several times as fast as where three numbers of a pixel lie side by side, and their
    results lie the same way.
    """
    return np.moveaxis(np.zeros((count, rows, columns), np.float32), 0, -1)


def tinted(field: Field, colour: Floats) -> Floats:
    """Light of one ``colour`` (3,) as strong as ``field`` (rows, columns), in layers."""
    light = layers(*field.shape)
    for channel in range(3):
        np.multiply(field, colour[channel], out=light[..., channel], casting="same_kind")
    return light


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
        # One more of each, so that no neighbour has to be looked for at the other side.
        self._tile = np.pad(tile, (0, 1), mode="wrap").ravel()

    def __call__(self, u: Field, v: Field) -> Floats:
        """The texture at (u, v), which broadcast together; 1 is a whole tile."""
        # Adding a large whole number of tiles keeps the truncation a floor.
        x = (np.asarray(u, np.float32) + np.float32(64)) * np.float32(_TILE)
        y = (np.asarray(v, np.float32) + np.float32(64)) * np.float32(_TILE)
        left, top = np.floor(x), np.floor(y)
        x, y = x - left, y - top
        place = (top.astype(np.intp) & _TILE - 1) * (_TILE + 1) + (left.astype(np.intp) & _TILE - 1)
        upper = self._tile.take(place)
        upper += (self._tile[1:].take(place) - upper) * x
        below = self._tile[_TILE + 1 :]
        lower = below.take(place)
        lower += (below[1:].take(place) - lower) * x
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


def fraction(value: Field) -> Field:
    """What is over a whole number; many times as fast as ``value % 1``."""
    return value - np.floor(value)


def smoothstep(low: float, high: float, value: Field) -> Floats:
    """0 below ``low``, 1 above ``high``, a smooth rise between."""
    part = np.clip((value - np.float32(low)) / np.float32(high - low), 0, 1)
    return np.asarray(part * part * (3 - 2 * part), np.float32)
