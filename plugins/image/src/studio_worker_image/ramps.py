"""Colour ramps as lookup tables of packed pixels.

A packed pixel is a little-endian ``uint32`` holding R, G, B and a spare byte, so that a
table of colours turns an index field into a picture with one ``take``.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from studio_worker_core.pictures.oklab import CONES_TO_LAB, RGB_TO_CONES
from studio_worker_image.fields import Floats

Packed = NDArray[np.uint32]


def hex_colours(text: str) -> Floats:
    """``"ff8800 102030"`` → an array (n, 3) of sRGB 0 to 1."""
    numbers = [int(word, 16) for word in text.split()]
    return np.array(
        [[(n >> shift & 255) / 255 for shift in (16, 8, 0)] for n in numbers], np.float32
    )


def pack(rgb: NDArray[np.float32]) -> Packed:
    """sRGB 0 to 1, shape (…, 3) → packed pixels."""
    byte = (np.clip(rgb, 0, 1) * 255 + 0.5).astype("<u4")
    return np.asarray(byte[..., 0] | byte[..., 1] << 8 | byte[..., 2] << 16, np.uint32)


def unpack(pixels: Packed) -> NDArray[np.uint8]:
    """Packed pixels (h, w) → bytes (h, w, 3), a view."""
    little = np.ascontiguousarray(pixels.astype("<u4", copy=False))
    return little.view(np.uint8).reshape(*pixels.shape, 4)[..., :3]


class Ramp:
    """Colours from dark to light, blended in a perceptual space (OKLab) without muddy middles."""

    def __init__(self, stops: Floats) -> None:
        self.stops = stops
        self._lab = _to_oklab(stops.astype(np.float64))

    def at(self, places: Floats | float) -> Floats:
        """Colours (…, 3) at places 0 to 1 of the ramp."""
        where = np.asarray(places, np.float64) * (len(self._lab) - 1)
        grid = np.arange(len(self._lab))
        lab = np.stack([np.interp(where, grid, self._lab[:, c]) for c in range(3)], axis=-1)
        return np.asarray(np.clip(_from_oklab(lab), 0, 1), np.float32)

    def table(self, size: int = 1024, *, low: float = 0.0, high: float = 1.0) -> Packed:
        """A table over the part of the ramp from ``low`` to ``high``."""
        return pack(self.at(np.linspace(low, high, size, dtype=np.float32)))

    def cycle(self, size: int = 1024) -> Packed:
        """A table up the ramp and down again, so that its ends meet."""
        up = np.linspace(0.0, 1.0, size, dtype=np.float32)
        return pack(self.at(0.5 - 0.5 * np.cos(2 * np.pi * up)))

    def lit(self, colours: int = 256, lights: int = 64, *, gloss: float = 0.5) -> Packed:
        """A table indexed ``colour * lights + light``: dark below the middle, glossy above."""
        base = self.at(np.linspace(0, 1, colours, dtype=np.float32))[:, None, :]
        light = np.linspace(-1, 1, lights, dtype=np.float32)[None, :, None]
        shaded = base * (1 + 0.75 * np.minimum(light, 0))
        shine = np.float32(gloss) * np.maximum(light, 0) ** 2
        return pack(np.asarray(shaded + (1 - shaded) * shine, np.float32)).ravel()


def spread(colours: Sequence[Floats] | Floats) -> Floats:
    """A full ramp, near black to near white, through the given colours by lightness."""
    rows = np.asarray(colours, np.float32)
    lab = _to_oklab(rows.astype(np.float64))
    order = np.argsort(lab[:, 0], kind="stable")
    rows, lab = rows[order], lab[order]
    dark, light = lab[0].copy(), lab[-1].copy()
    dark[0] = min(dark[0] * 0.45, 0.2)
    dark[1:] *= 0.6
    light[0] = max(light[0], 0.94)
    light[1:] *= 0.3
    ends = np.clip(_from_oklab(np.stack([dark, light])), 0, 1).astype(np.float32)
    middle = (lab[:1] + np.array([[-0.18, 0, 0]])) if len(rows) == 1 else None
    inner = [np.clip(_from_oklab(middle), 0, 1).astype(np.float32)] if middle is not None else []
    return np.vstack([ends[:1], *inner, rows, ends[1:]]).astype(np.float32)


def _to_oklab(rgb: NDArray[np.float64]) -> NDArray[np.float64]:
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    cones = np.cbrt(linear @ _RGB_TO_CONES.T)
    return np.asarray(cones @ _CONES_TO_LAB.T, np.float64)


def _from_oklab(lab: NDArray[np.float64]) -> NDArray[np.float64]:
    linear = np.maximum((lab @ _LAB_TO_CONES.T) ** 3 @ _CONES_TO_RGB.T, 0)
    return np.asarray(
        np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    )


_RGB_TO_CONES = np.array(RGB_TO_CONES)
_CONES_TO_LAB = np.array(CONES_TO_LAB)
_LAB_TO_CONES = np.linalg.inv(_CONES_TO_LAB)
_CONES_TO_RGB = np.linalg.inv(_RGB_TO_CONES)
