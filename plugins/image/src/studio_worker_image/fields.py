"""Smooth random fields over a band of the picture, in float32.

Gradient noise is separable: with unit vectors on a lattice, every octave is a product of
small matrices, and all octaves together are one matrix product. That is several times
faster in numpy than gathering corners for each pixel.

Coordinates are in units of the picture's shorter side.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

_LATTICE = 64

_Axis = tuple[NDArray[np.intp], Floats, Floats]
"""Lattice lines, and the weights of each point on them: see :func:`_axis`."""


@dataclass(frozen=True)
class Band:
    """Some rows of the picture: coordinates of the pixel centres."""

    x: Floats
    y: Floats
    pixel: float
    """Side of a pixel in picture units."""

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.y), len(self.x)


class Noise:
    """Gradient noise summed over octaves (fractal Brownian motion), about -1 to 1."""

    def __init__(
        self, rng: np.random.Generator, frequency: float, octaves: int, gain: float = 0.5
    ) -> None:
        angle = rng.random((_LATTICE, _LATTICE), dtype=np.float32) * np.float32(2 * np.pi)
        self._gx, self._gy = np.cos(angle), np.sin(angle)
        self._octaves: list[tuple[float, float, float, float]] = []
        total = 0.0
        for octave in range(octaves):
            amplitude = gain**octave
            total += amplitude * amplitude
            shift = rng.random(2) * _LATTICE
            scale = frequency * 2.0**octave * (1 + 0.03 * octave)
            self._octaves.append((scale, amplitude, float(shift[0]), float(shift[1])))
        self._level = 1.55 / total**0.5
        # Every band of a picture asks for the same columns.
        self._columns: tuple[Floats, float, list[_Axis]] | None = None
        self._line: tuple[Floats, Floats] | None = None

    def __call__(self, x: Floats, y: Floats, *, stretch: float = 1.0) -> Floats:
        """The field at every (y, x); ``stretch`` > 1 draws it out along x."""
        if self._columns is None or self._columns[0] is not x or self._columns[1] != stretch:
            axes = [_axis(x, scale / stretch, shift) for scale, _, shift, _ in self._octaves]
            self._columns = (x, stretch, axes)
        lefts, rights = [], []
        for (scale, amplitude, _, sy), across in zip(self._octaves, self._columns[2], strict=True):
            row, fade_y, slope_y = _axis(y, scale, sy)
            column, fade_x, slope_x = across
            corner = np.ix_(row, column)
            lefts += [fade_y, slope_y]
            level = np.float32(amplitude * self._level)
            rights += [
                (self._gx[corner] * level) @ slope_x.T,
                (self._gy[corner] * level) @ fade_x.T,
            ]
        return np.asarray(np.hstack(lefts) @ np.vstack(rights), np.float32)

    def along(self, x: Floats) -> Floats:
        """The field along one line, for outlines: shape (x,)."""
        if self._line is None or self._line[0] is not x:
            self._line = (x, self(x, np.zeros(1, np.float32))[0])
        return self._line[1]


def _axis(points: Floats, scale: float, shift: float) -> _Axis:
    """Lattice lines that ``points`` touch, and for each point the weights of its two."""
    at = points.astype(np.float64) * scale + shift
    cell = np.floor(at).astype(np.intp)
    part = (at - cell).astype(np.float32)
    fade = part * part * part * (part * (part * 6 - 15) + 10)
    first = int(cell.min())
    count = int(cell.max()) - first + 2
    cell -= first
    rows = np.arange(len(points))
    weight = np.zeros((len(points), count), np.float32)
    slope = np.zeros_like(weight)
    weight[rows, cell], weight[rows, cell + 1] = 1 - fade, fade
    slope[rows, cell], slope[rows, cell + 1] = (1 - fade) * part, fade * (part - 1)
    return (np.arange(count) + first) % _LATTICE, weight, slope


class WarpedNoise:
    """Noise that can be read at any place, so that other fields can bend it.

    A periodic tile of noise read with bilinear weights; it repeats every ``period`` units,
    which bending hides.
    """

    def __init__(
        self,
        rng: np.random.Generator,
        frequency: float,
        octaves: int,
        *,
        size: int = 512,
        period: float = 2.0,
    ) -> None:
        # Whole lattice cells per period make the tile seamless, octave by octave.
        ramp = np.arange(size, dtype=np.float32) / np.float32(size)
        self._tile = np.zeros((size, size), np.float32)
        cells = max(1, round(frequency * period))
        amplitude = 0.7
        for _ in range(octaves):
            if cells > _LATTICE:
                break
            self._tile += amplitude * _periodic(rng, ramp, cells)
            cells, amplitude = cells * 2, amplitude * 0.5
        self._size, self._rate = size, np.float32(size / period)

    def __call__(self, x: Floats, y: Floats) -> Floats:
        """The field at the points (x, y), arrays of one shape."""
        mask = self._size - 1
        u, v = x * self._rate, y * self._rate
        column, row = np.floor(u).astype(np.int32), np.floor(v).astype(np.int32)
        u -= column
        v -= row
        left, right = column & mask, (column + 1) & mask
        top, bottom = (row & mask) * self._size, ((row + 1) & mask) * self._size
        flat = self._tile.ravel()
        upper, lower = flat.take(top + left), flat.take(bottom + left)
        upper += (flat.take(top + right) - upper) * u
        lower += (flat.take(bottom + right) - lower) * u
        lower -= upper
        lower *= v
        lower += upper
        return np.asarray(lower, np.float32)


def _periodic(rng: np.random.Generator, ramp: Floats, cells: int) -> Floats:
    angle = rng.random((cells, cells), dtype=np.float32) * np.float32(2 * np.pi)
    lines, fade, slope = _axis(ramp, float(cells), 0.0)
    corner = np.ix_(lines % cells, lines % cells)
    across = (np.cos(angle)[corner]) @ slope.T
    down = (np.sin(angle)[corner]) @ fade.T
    return np.asarray(1.4 * (fade @ across + slope @ down), np.float32)


_SINE = np.sin(np.arange(4096, dtype=np.float64) * (2 * np.pi / 4096)).astype(np.float32)


def sine(turns: Floats) -> Floats:
    """Sine of an angle in turns, from a table of 4096 entries."""
    index = (turns * np.float32(4096)).astype(np.int32)
    index &= 4095
    return np.asarray(_SINE.take(index), np.float32)


def smoothstep(low: float, high: float, value: Floats) -> Floats:
    """0 below ``low``, 1 above ``high``, a smooth rise between."""
    part = np.clip((value - np.float32(low)) / np.float32(high - low), 0, 1)
    return np.asarray(part * part * (3 - 2 * part), np.float32)
