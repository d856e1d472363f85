"""Families of shapes: bokeh, mandala, tiles, voronoi."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from studio_worker_image.families.brief import Brief, Painter, index, pack_planes
from studio_worker_image.fields import Band, Floats, Noise, sine, smoothstep
from studio_worker_image.ramps import Packed, pack


def voronoi(brief: Brief) -> Painter:
    """Stained glass: cells round scattered points, dark leads, light through each pane."""
    rng = brief.rng
    cells = 7 if brief.octaves < 5 else 9
    columns, rows = int(brief.width * cells) + 4, int(brief.height * cells) + 4
    jitter = rng.uniform(0.08, 0.92, (2, rows, columns)).astype(np.float32)
    drift = Noise(rng, 0.9, 2)
    middle_x = np.arange(columns, dtype=np.float32) / np.float32(cells)
    middle_y = np.arange(rows, dtype=np.float32) / np.float32(cells)
    place = np.float32(0.55) + np.float32(0.34) * drift(middle_x, middle_y)
    place += rng.uniform(-0.2, 0.2, (rows, columns)).astype(np.float32)
    base = np.clip(index(place, 256), 0, 255) * 64
    table = brief.ramp.lit(256, 64, gloss=0.5)
    glow = Noise(rng, 3.0, 3)

    def paint(band: Band) -> Packed:
        near, second, cell = _two_nearest(band, cells, jitter)
        second -= near
        lead = smoothstep(0.02, 0.075, second)
        light = np.float32(0.62) - np.float32(0.25) * near
        light += np.float32(0.1) * glow(band.x, band.y)
        light *= lead
        shade = np.clip(index(light, 64), 0, 63)
        return table.take(base.ravel().take(cell) + shade)

    return paint


def _two_nearest(
    band: Band, cells: int, jitter: Floats
) -> tuple[Floats, Floats, NDArray[np.int32]]:
    """Distance (in cells) to the nearest and second point, and the nearest one's number.

    Point by point: each can only matter within one cell of its own, and there its squared
    distance is a sum of a row and a column.
    """
    u, v = band.x * np.float32(cells) + 1, band.y * np.float32(cells) + 1
    rows, columns = jitter.shape[1:]
    near = np.full(band.shape, 9, np.float32)
    second = near.copy()
    cell = np.zeros(band.shape, np.int32)
    lefts = np.searchsorted(u, np.arange(-1, columns + 2)).tolist()
    tops = np.searchsorted(v, np.arange(-1, rows + 2)).tolist()
    for row in range(rows):
        window_v = slice(tops[row], tops[row + 3])
        if window_v.start == window_v.stop:
            continue
        for column in range(columns):
            window = (window_v, slice(lefts[column], lefts[column + 3]))
            if window[1].start == window[1].stop:
                continue
            dx = u[window[1]] - (jitter[0, row, column] + np.float32(column))
            dy = v[window_v] - (jitter[1, row, column] + np.float32(row))
            away = (dy * dy)[:, None] + dx * dx
            here, next_ = near[window], second[window]
            np.copyto(cell[window], row * columns + column, where=away < here)
            np.minimum(next_, np.maximum(here, away), out=next_)
            np.minimum(here, away, out=here)
    return np.sqrt(near, out=near), np.sqrt(second, out=second), cell


def tiles(brief: Brief) -> Painter:
    """Either interlaced ribbons (Truchet tiles) or glazed tiles with one motif, in turn."""
    return _ribbons(brief) if brief.rng.random() < 0.5 else _glazed(brief)


def _ribbons(brief: Brief) -> Painter:
    rng = brief.rng
    count = int(rng.integers(5, 9))
    rows, columns = int(brief.height * count) + 2, int(brief.width * count) + 2
    flip = rng.random((rows, columns)) < 0.5
    colours = np.vstack([brief.ramp.at(p) for p in (0.97, 0.72, 0.5, 0.3, 0.05)])
    # Distance from the ribbon's middle, 0 to 0.5 of a tile → colour.
    stops = np.array([0.0, 0.07, 0.085, 0.16, 0.175, 0.2, 0.215, 0.5])
    order = [0, 0, 1, 1, 2, 2, 4, 3]
    at = np.linspace(0, 0.5, 1024)
    table = pack(
        np.stack([np.interp(at, stops, colours[order, c]) for c in range(3)], -1).astype(np.float32)
    )
    wash = Noise(rng, 0.8, 2)

    def paint(band: Band) -> Packed:
        u, v = band.x * count, band.y * count
        column, row = u.astype(np.int32), v.astype(np.int32)
        u, v = u - column, v - row
        turned = flip[np.ix_(row, column)]
        along = np.where(turned, (1 - u)[None, :], u[None, :])
        first = np.sqrt(along * along + (v * v)[:, None])
        along = 1 - along
        far = np.sqrt(along * along + ((1 - v) ** 2)[:, None])
        gap = np.minimum(np.abs(first - np.float32(0.5)), np.abs(far - np.float32(0.5)))
        gap = gap + np.where(gap > 0.23, np.float32(0.12) * wash(band.x, band.y), 0)
        return table.take(index(gap * 2, 1024), mode="clip")

    return paint


def _glazed(brief: Brief) -> Painter:
    rng = brief.rng
    count = int(rng.integers(3, 6))
    petals, rings, lace = rng.uniform(0.8, 1.6), rng.uniform(1.3, 2.6), rng.uniform(0.2, 0.6)
    table = brief.ramp.table(1024)
    levels = np.array([0.97, 0.9, 0.34, 0.62, 0.14, 0.93], np.float32)
    crackle = Noise(rng, 3.0, min(brief.octaves, 5))
    blur = np.float32(max(0.02, 3.0 * brief.pixel * count))

    def paint(band: Band) -> Packed:
        u = np.abs((band.x * count) % 1 - np.float32(0.5)) * 2
        v = np.abs((band.y * count) % 1 - np.float32(0.5)) * 2
        radius = np.sqrt(u * u + (v * v)[:, None])
        product = u * v[:, None]
        field = radius * np.float32(rings) + np.float32(petals) * sine(product * np.float32(0.5))
        field += np.float32(lace) * sine(radius * 2 + product * 3)
        step = np.clip(field * 2, 0, len(levels) - 1.001)
        whole = step.astype(np.int32)
        part = np.clip((step - whole - (1 - blur * 2)) / (blur * 2), 0, 1)
        low, high = levels.take(whole), levels.take(whole + 1, mode="clip")
        tone = low + (high - low) * part
        tone += np.float32(0.035) * crackle(band.x, band.y)
        edge = np.maximum(u, v[:, None])
        tone *= np.float32(1) - np.float32(0.5) * smoothstep(0.965, 0.985, edge)
        return table.take(index(tone, 1024), mode="clip")

    return paint


def mandala(brief: Brief) -> Painter:
    """A rosette: waves in radius and angle about the middle of the picture."""
    rng = brief.rng
    fold = int(rng.choice([6, 8, 8, 12]))
    rates = rng.uniform(2.2, 4.2, 3)
    depths = rng.uniform(0.08, 0.32, 3)
    shifts = rng.random(4)
    table = brief.ramp.lit(256, 64, gloss=0.7)
    cx, cy = np.float32(brief.width / 2), np.float32(brief.height / 2)

    def paint(band: Band) -> Packed:
        dx, dy = band.x - cx, band.y - cy
        radius = np.sqrt(dx * dx + (dy * dy)[:, None]) + np.float32(1e-6)
        # cos(n·angle) by powers of the unit complex number: no arctangent needed.
        turn = np.empty(band.shape, np.complex64)
        turn.real, turn.imag = dx / radius, dy[:, None] / radius
        half = turn**2 * turn if fold in (6, 12) else (turn**2) ** 2
        whole = half * half
        wide = whole.real if fold != 12 else (whole * whole).real
        fine = 2 * wide * wide - 1
        phase = radius * np.float32(rates[0]) + np.float32(depths[0]) * wide
        first = sine(phase + np.float32(4 + shifts[0]))
        phase = radius * np.float32(rates[1]) - np.float32(depths[1]) * fine
        second = sine(phase + np.float32(4 + shifts[1]))
        phase = np.float32(rates[2]) * radius + np.float32(depths[2]) * wide * first
        third = sine(phase + np.float32(4 + shifts[2]))
        colour = np.float32(0.5) + np.float32(0.26) * first + np.float32(0.2) * third
        colour -= np.float32(0.2) * smoothstep(0.42, 0.78, radius)
        edge = np.abs(first + np.float32(0.6) * second)
        light = np.float32(0.5) + np.float32(0.26) * second * third
        light -= np.float32(0.5) * (1 - smoothstep(0.0, 0.16, edge))
        light += np.float32(0.5) * (1 - smoothstep(0.0, 0.12, radius))
        tone = np.clip(index(colour, 256), 0, 255)
        return table.take(tone * 64 + np.clip(index(light, 64), 0, 63))

    return paint


def bokeh(brief: Brief) -> Painter:
    """Lights out of focus: soft discs with bright rims over a dim wash."""
    rng = brief.rng
    wash = Noise(rng, 0.7, 3)
    count = int(44 * max(1.0, brief.width * brief.height) ** 0.7)
    place = rng.random((count, 2)) * (brief.width, brief.height)
    radius = 0.022 + 0.1 * rng.random(count) ** 1.8
    bright = rng.uniform(0.2, 0.75, count) * (0.085 / (radius + 0.03))
    colour = brief.ramp.at(rng.uniform(0.5, 0.97, count).astype(np.float32))
    back = brief.ramp.at(np.linspace(0.0, 0.42, 256, dtype=np.float32))

    def paint(band: Band) -> Packed:
        tone = np.float32(0.42) + np.float32(0.32) * wash(band.x, band.y)
        tone += (np.float32(0.35) * (band.y / np.float32(brief.height)))[:, None]
        flat = np.clip(index(tone, 256), 0, 255)
        planes = [back[:, c].take(flat) for c in range(3)]
        for (x, y), size, strength, tint in zip(place, radius, bright, colour, strict=True):
            _disc(planes, band, float(x), float(y), float(size), min(float(strength), 0.8), tint)
        return pack_planes(*planes)

    return paint


def _disc(
    planes: list[Floats], band: Band, x: float, y: float, size: float, strength: float, tint: Floats
) -> None:
    first, last = np.searchsorted(band.y, [y - size * 1.1, y + size * 1.1])
    start, stop = np.searchsorted(band.x, [x - size * 1.1, x + size * 1.1])
    if first == last or start == stop:
        return
    dx = (band.x[start:stop] - np.float32(x)) / np.float32(size)
    dy = (band.y[first:last] - np.float32(y)) / np.float32(size)
    away = np.sqrt(dx * dx + (dy * dy)[:, None])
    soft = max(0.05, 1.5 * band.pixel / size)
    cover = np.clip((1 - away) / np.float32(soft), 0, 1)
    cover *= np.float32(0.62) + np.float32(0.38) * away**6
    cover *= np.float32(strength)
    for plane, value in zip(planes, tint, strict=True):
        patch = plane[first:last, start:stop]
        # "Screen" keeps overlapping lights bright without burning out.
        patch += cover * np.float32(value) * (1 - patch)
