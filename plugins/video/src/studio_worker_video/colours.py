"""Colour ramps, and turning light into bytes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from studio_worker_core.pictures.oklab import CONES_TO_LAB, RGB_TO_CONES
from studio_worker_video.canvas import Field, Floats, Frame

_STEPS = 2048
_SOFT = np.float32(0.85)
_CACHED_PIXELS = 32_768

_RGB_TO_CONES = np.array(RGB_TO_CONES)
_CONES_TO_LAB = np.array(CONES_TO_LAB)


class Ramp:
    """Colours from dark to light, blended in a perceptual space (OKLab)."""

    def __init__(self, colours: Sequence[str]) -> None:
        """``colours`` are hex; plain colours of a prompt may come in any order."""
        rgb = np.array([[int(c[n : n + 2], 16) / 255 for n in (0, 2, 4)] for c in colours])
        lab = _to_lab(rgb)
        lab = lab[np.argsort(lab[:, 0], kind="stable")]
        if lab[0, 0] > 0.3:
            lab = np.vstack([lab[:1] * [0.3, 0.55, 0.55], lab])
        if lab[-1, 0] < 0.85:
            lab = np.vstack([lab, [0.94, lab[-1, 1] * 0.35, lab[-1, 2] * 0.35]])
        # Even steps of lightness, mixed with even steps of count: no band is squeezed away.
        light = (lab[:, 0] - lab[0, 0]) / (lab[-1, 0] - lab[0, 0])
        places = 0.5 * light + 0.5 * np.linspace(0, 1, len(lab))
        at = np.linspace(0, 1, _STEPS)
        smooth = np.stack([np.interp(at, places, lab[:, n]) for n in range(3)], axis=-1)
        self._table = np.asarray(np.clip(_from_lab(smooth), 0, 1), np.float32)
        self._layers = np.ascontiguousarray(self._table.T)
        self._packed = _pack(self._table)
        turn = np.arange(_STEPS) / _STEPS
        up = 0.35 * (1 - np.cos(2 * np.pi * turn)) / 2 + 0.65 * (1 - np.abs(2 * turn - 1))
        self._cycle = _pack(self._table[((0.04 + 0.9 * up) * (_STEPS - 1)).astype(int)])

    def at(self, place: Field | float) -> Floats:
        """Colours (…, 3) from 0 to 1 at places 0 to 1 of the ramp, as :func:`canvas.layers`."""
        index = np.asarray(place, np.float32) * np.float32(_STEPS - 1)
        steps = np.clip(index, 0, _STEPS - 1).astype(np.intp)
        light = np.empty((3, *steps.shape), np.float32)
        for channel, layer in enumerate(self._layers):
            layer.take(steps, out=light[channel, ...], mode="clip")  # the mode spares a copy
        return np.moveaxis(light, 0, -1)

    def paint(self, field: Field) -> Frame:
        """A picture of a field from 0 to 1."""
        index = np.clip(field, 0, 1) * np.float32(_STEPS - 1)
        return _unpack(self._packed.take(index.astype(np.int32)))

    def paint_cycle(self, field: Field) -> Frame:
        """A picture of a field in turns: up the ramp and down again, whole numbers meet."""
        index = (field * np.float32(_STEPS)).astype(np.int32)
        index &= _STEPS - 1
        return _unpack(self._cycle.take(index))


def to_frame(light: Field) -> Frame:
    """Light from 0 to 1 and over, (h, w, 3), as bytes; over 0.85 it rolls off softly."""
    rows, columns = light.shape[:2]
    frame = np.empty((rows, columns, 3), np.uint8)
    dither = _dither(rows, columns)
    # A part at a time, which stays in the processor's cache from one step to the next.
    step = max(1, _CACHED_PIXELS // columns)
    for top in range(0, rows, step):
        part = slice(top, min(top + step, rows))
        for channel in range(3):
            level = _rolled_off(light[part, :, channel])
            level *= np.float32(255)
            level += dither[part]
            np.clip(level, 0, 255, out=level)
            np.copyto(frame[part, :, channel], level, casting="unsafe")
    return frame


def _rolled_off(light: Field) -> Floats:
    """A copy in which what is over 0.85 is less and less so."""
    level = np.minimum(light, _SOFT, dtype=np.float32)
    if light.max() > _SOFT:
        over = np.maximum(light - _SOFT, 0, dtype=np.float32)
        level += over / (1 + over * np.float32(2.5))
    return level


@lru_cache(maxsize=2)
def _dither(rows: int, columns: int) -> Floats:
    """An ordered 8x8 pattern from 0 to 1 that hides bands in dark gradients and stands still,
    so that it costs an encoder next to nothing."""
    cell = np.array([[0, 2], [3, 1]])
    for _ in range(2):
        cell = np.block([[4 * cell, 4 * cell + 2], [4 * cell + 3, 4 * cell + 1]])
    tile = ((cell + 0.5) / cell.size).astype(np.float32)
    return np.tile(tile, (-(-rows // 8), -(-columns // 8)))[:rows, :columns]


def _pack(rgb: Floats) -> NDArray[np.uint32]:
    byte = (rgb * 255 + 0.5).astype(np.uint32)
    return np.asarray(byte[..., 0] | byte[..., 1] << 8 | byte[..., 2] << 16, "<u4")


def _unpack(pixels: NDArray[np.uint32]) -> Frame:
    return np.ascontiguousarray(pixels.view(np.uint8).reshape(*pixels.shape, 4)[..., :3])


def _to_lab(rgb: NDArray[np.float64]) -> NDArray[np.float64]:
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return np.asarray(np.cbrt(linear @ _RGB_TO_CONES.T) @ _CONES_TO_LAB.T)


def _from_lab(lab: NDArray[np.float64]) -> NDArray[np.float64]:
    cones = (lab @ np.linalg.inv(_CONES_TO_LAB).T) ** 3
    linear = np.maximum(cones @ np.linalg.inv(_RGB_TO_CONES).T, 0)
    return np.asarray(
        np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    )
