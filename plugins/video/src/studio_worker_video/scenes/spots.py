"""Points, discs and streaks of light, placed between pixels so that nothing jumps."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from studio_worker_video.canvas import Floats, smoothstep, tinted


def stamp(light: Floats, x: ArrayLike, y: ArrayLike, radius: ArrayLike, colour: ArrayLike) -> None:
    """Add soft round points to a picture (rows, columns, 3), a whole one: it is changed in place.

    :param x, y: places in pixels, shape (n,).
    :param radius: the deviation of each point's glow, in pixels.
    :param colour: light at each point's middle, (n, 3).
    """
    rows, columns = light.shape[:2]
    places = np.stack([np.asarray(x), np.asarray(y), np.asarray(radius)]).astype(np.float32)
    shades = np.asarray(colour, np.float32)
    flat = [light[..., channel].reshape(-1) for channel in range(3)]
    reaches = np.ceil(3 * places[2]).astype(int) + 1
    near = (np.abs(places[0] - columns / 2) < columns / 2 + reaches) & (
        np.abs(places[1] - rows / 2) < rows / 2 + reaches
    )
    for reach in np.unique(reaches[near]):
        chosen = near & (reaches == reach)
        px, py, r = places[:, chosen, None]
        step = np.arange(-reach, reach + 1)
        column = np.floor(px).astype(int) + step
        row = np.floor(py).astype(int) + step
        across = np.exp(-0.5 * (((column + 0.5).astype(np.float32) - px) / r) ** 2)
        down = np.exp(-0.5 * (((row + 0.5).astype(np.float32) - py) / r) ** 2)
        across *= (column >= 0) & (column < columns)
        down *= (row >= 0) & (row < rows)
        spot = down[:, :, None] * across[:, None, :]
        index = np.clip(row, 0, rows - 1)[:, :, None] * columns
        index = (index + np.clip(column, 0, columns - 1)[:, None, :]).ravel()
        for channel in range(3):
            glow = spot * shades[chosen, channel, None, None]
            np.add.at(flat[channel], index, glow.ravel())


def streak(light: Floats, x: float, y: float, length: float, radius: float, colour: Floats) -> None:
    """A slanting line of light that ends at (x, y), brighter towards its lower end."""
    top, bottom = max(int(y - length), 0), min(int(y), light.shape[0])
    left = max(int(x - 3 * radius - 1), 0)
    right = min(int(x + 0.08 * length + 3 * radius + 2), light.shape[1])
    if top >= bottom or left >= right:
        return
    rows = np.arange(top, bottom, dtype=np.float32) + 0.5
    along = np.clip(1 - (y - rows) / length, 0, 1)
    centre = x + 0.08 * (y - rows)
    columns = np.arange(left, right, dtype=np.float32) + 0.5
    spot = np.exp(-0.5 * ((columns[None, :] - centre[:, None]) / radius) ** 2) * along[:, None]
    light[top:bottom, left:right] += tinted(spot, colour)


def disc(short: int, radius: float) -> Floats:
    """A round blur spot with a slightly brighter rim, the way lenses draw it."""
    radius = max(radius, 1.0)
    reach = int(np.ceil(radius + max(1.5, short / 200))) + 1
    at = np.arange(-reach, reach + 1, dtype=np.float32)
    away = np.hypot(at[:, None], at[None, :])
    soft = max(0.8, 0.06 * radius)
    inside = smoothstep(soft, -soft, away - np.float32(radius))
    return np.asarray(inside * (0.72 + 0.28 * (away / radius) ** 3), np.float32)


def add_patch(light: Floats, patch: Floats, x: float, y: float, colour: Floats) -> None:
    """Add a small square of light with its middle at (x, y), between pixels too."""
    rows, columns = light.shape[:2]
    side = patch.shape[0]
    x, y = x - side / 2, y - side / 2
    left, top = int(np.floor(x)), int(np.floor(y))
    dx, dy = np.float32(x - left), np.float32(y - top)
    if left >= columns or top >= rows or left + side + 1 <= 0 or top + side + 1 <= 0:
        return
    moved = np.pad(patch, ((0, 1), (0, 1)))
    moved = moved + (np.pad(patch, ((0, 1), (1, 0))) - moved) * dx
    lower = np.roll(moved, 1, axis=0)
    moved = moved + (lower - moved) * dy
    cut_left, cut_top = max(-left, 0), max(-top, 0)
    right, bottom = min(left + side + 1, columns), min(top + side + 1, rows)
    part = moved[cut_top : bottom - top, cut_left : right - left]
    light[top + cut_top : bottom, left + cut_left : right] += tinted(part, colour)
