"""Families without a horizon: noise, marble, plasma, silk, wood."""

from __future__ import annotations

import numpy as np

from studio_worker_image.families.brief import Brief, Painter, index
from studio_worker_image.fields import Band, Floats, Noise, WarpedNoise, sine
from studio_worker_image.ramps import Packed, pack

_LIGHTS = 64


def noise(brief: Brief) -> Painter:
    """Ink in water: noise whose coordinates are bent by noise, twice, lit from above."""
    rng = brief.rng
    bend_x = Noise(rng, 1.1, min(brief.octaves, 4))
    bend_y = Noise(rng, 1.3, min(brief.octaves, 4))
    ink = WarpedNoise(rng, 1.5, brief.octaves)
    table = brief.ramp.lit(256, _LIGHTS, gloss=0.45)
    reach = np.float32(0.42 + 0.25 * rng.random())

    def paint(band: Band) -> Packed:
        dx = bend_x(band.x, band.y)
        dy = bend_y(band.x, band.y)
        field = ink(band.x[None, :] + reach * dx, band.y[:, None] + reach * dy)
        light = field - np.float32(0.55) * dx
        field += np.float32(0.55) * dy
        colour = index(np.float32(0.46) + np.float32(0.42) * field, 256)
        np.clip(colour, 0, 255, out=colour)
        shade = index(np.float32(0.5) + np.float32(0.38) * light, _LIGHTS)
        np.clip(shade, 0, _LIGHTS - 1, out=shade)
        colour *= _LIGHTS
        colour += shade
        return table.take(colour)

    return paint


def marble(brief: Brief) -> Painter:
    """Polished stone: broad bands bent by turbulence, with thin bright or dark veins."""
    rng = brief.rng
    turn = rng.uniform(0.3, 1.2)
    across, down = float(np.cos(turn) * 1.3), float(np.sin(turn) * 1.3)
    storm = Noise(rng, 1.0, min(brief.octaves, 7), gain=0.52)
    veins = Noise(rng, 1.5, min(brief.octaves, 5), gain=0.5)
    pressure = Noise(rng, 1.8, 2)
    colours, lights = 256, 64
    body = brief.ramp.at(np.linspace(0.34, 1.0, colours, dtype=np.float32))[:, None, :]
    vein = brief.ramp.at(0.0 if rng.random() < 0.65 else 1.0)
    strength = np.linspace(1, 0, lights, dtype=np.float32)[None, :, None] ** 3
    table = pack(np.asarray(body + (vein - body) * 0.8 * strength, np.float32)).ravel()

    def paint(band: Band) -> Packed:
        field = storm(band.x, band.y)
        phase = np.float32(0.62) * field + np.float32(across) * band.x
        phase += (np.float32(down) * band.y)[:, None]
        tone = np.float32(0.66) + np.float32(0.3) * sine(phase) + np.float32(0.12) * field
        thin = np.abs(veins(band.x, band.y) + np.float32(0.3) * field)
        # Where the pressure was low, a vein thins out and is lost.
        thin += np.float32(0.14) * np.abs(pressure(band.x, band.y))
        colour = np.clip(index(tone, colours), 0, colours - 1)
        depth = np.clip(index(thin * np.float32(3.6), lights), 0, lights - 1)
        return table.take(colour * lights + depth)

    return paint


def plasma(brief: Brief) -> Painter:
    """The demo-scene classic: a sum of sines that runs round a cycle of colours."""
    rng = brief.rng
    rates = rng.uniform(0.7, 1.7, 5)
    shifts = rng.random(5)
    swirl = Noise(rng, 0.9, 2)
    centre = rng.uniform(0.1, 0.9, 2) * (brief.width, brief.height)
    table = brief.ramp.cycle(1024)
    turns = np.float32(rng.uniform(0.85, 1.25))

    def paint(band: Band) -> Packed:
        x, y = band.x, band.y
        bend = swirl(x, y)
        row = sine(np.asarray(y * rates[0] + shifts[0], np.float32))
        column = sine(np.asarray(x * rates[1] + shifts[1], np.float32))
        total = row[:, None] + column
        tilt = np.float32(rates[2]) * x + (np.float32(rates[3]) * y + np.float32(2))[:, None]
        total += sine(tilt + np.float32(0.5) * bend)
        away = (x - np.float32(centre[0])) ** 2 + ((y - np.float32(centre[1])) ** 2)[:, None]
        total += sine(np.sqrt(away) * np.float32(1.6 * rates[4]) + np.float32(0.35) * bend)
        total *= np.float32(0.25) * turns
        return table.take(index(total + np.float32(4), 1024) & 1023)

    return paint


def silk(brief: Brief) -> Painter:
    """Folded cloth: long smooth folds that catch the light."""
    rng = brief.rng
    drape = Noise(rng, 0.8, 3, gain=0.3)
    crease = Noise(rng, 0.55, 2, gain=0.4)
    slant = np.float32(rng.choice([-1, 1]) * rng.uniform(0.8, 1.6))
    rise = np.float32(rng.uniform(0.8, 1.4))
    table = brief.ramp.lit(256, _LIGHTS, gloss=0.62)
    thread = Noise(rng, 40, 1) if brief.octaves >= 6 else None

    def paint(band: Band) -> Packed:
        x, y = band.x, band.y
        soft = drape(x, y)
        phase = soft + np.float32(0.35) * slant * x
        phase += (np.float32(0.35) * rise * y)[:, None]
        phase += np.float32(0.25) * sine(np.asarray(phase * np.float32(0.9), np.float32))
        fine = crease(x, y)
        fold = sine(np.asarray(phase * np.float32(2.4) + fine * np.float32(0.45) + 8, np.float32))
        slope = sine(
            np.asarray(
                phase * np.float32(2.4) + fine * np.float32(0.3) + np.float32(8.2), np.float32
            )
        )
        light = np.float32(0.08) + np.float32(0.5) * slope + np.float32(0.3) * fold * slope
        if thread is not None:
            light += np.float32(0.035) * thread(x, y, stretch=12)
        colour = np.float32(0.56) + np.float32(0.2) * fold + np.float32(0.24) * fine
        tone = np.clip(index(colour, 256), 0, 255)
        shade = np.clip(index(np.float32(0.5) + np.float32(0.5) * light, 64), 0, 63)
        return table.take(tone * _LIGHTS + shade)

    return paint


def wood(brief: Brief) -> Painter:
    """Planks: year rings cut lengthways, fine grain, a dark joint between boards."""
    rng = brief.rng
    boards = int(rng.integers(4, 7))
    board_height = brief.height / boards
    shift = rng.uniform(0, 3, boards + 1)
    tone = rng.uniform(-0.1, 0.1, boards + 1)
    rings = Noise(rng, 2.4, min(brief.octaves, 4), gain=0.45)
    grain = Noise(rng, 42, 2)
    table = brief.ramp.table(1024, low=0.12, high=0.86)

    def paint(band: Band) -> Packed:
        board = np.clip((band.y / board_height).astype(int), 0, boards)
        inside = band.y - board * np.float32(board_height)
        moved = np.asarray(band.y + shift[board], np.float32)
        figure = rings(band.x, moved, stretch=4.5)
        ring = figure * np.float32(2.6) + (moved * np.float32(7.0))[:, None] + np.float32(64)
        # A saw-tooth with a soft return is how spring wood turns into late wood.
        part = ring - np.floor(ring)
        back = np.clip((1 - part) * np.float32(7), 0, 1)
        part *= part
        part *= back
        value = np.float32(0.64) - np.float32(0.42) * part
        value += np.float32(0.1) * grain(band.x, band.y, stretch=26)
        value += tone[board].astype(np.float32)[:, None]
        edge = np.minimum(inside, np.float32(board_height) - inside)
        value *= _joint(edge, brief)[:, None]
        return table.take(index(value, 1024), mode="clip")

    return paint


def _joint(edge: Floats, brief: Brief) -> Floats:
    width = max(0.006, 1.5 * brief.pixel)
    return np.asarray(np.clip(edge / np.float32(width), 0, 1) * 0.75 + 0.25, np.float32)
