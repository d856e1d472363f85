"""Families of the sky: aurora, clouds, starfield."""

from __future__ import annotations

import numpy as np

from studio_worker_image.families.brief import Brief, Painter, index, pack_planes, splat_stars
from studio_worker_image.fields import Band, Floats, Noise, smoothstep
from studio_worker_image.ramps import Packed

NIGHT_WORDS = ("night", "midnight", "moon", "moonlit", "moonlight", "dark", "star", "starry")
"""Words that ask for a dark sky."""


def random_stars(brief: Brief, count: int, depth: float = 1.0) -> Floats:
    """Rows of x, y, brightness, radius: many faint stars and a few bright ones."""
    rng = brief.rng
    number = int(count * max(1.0, brief.width * brief.height))
    rank = rng.random(number)
    x, y = rng.random(number) * brief.width, rng.random(number) * brief.height * depth
    brightness = 0.14 + 0.86 * rank**9
    radius = 0.0011 + 0.0026 * rank**14
    return np.stack([x, y, brightness, radius], axis=1).astype(np.float32)


def clouds(brief: Brief) -> Painter:
    """A sky with cumulus lit from one side, finer and flatter towards the horizon."""
    rng = brief.rng
    octaves = min(brief.octaves, 7)
    mass = Noise(rng, 1.15, octaves, gain=0.52)
    side = float(rng.choice([-1, 1])) * 0.035
    cover = (
        0.02
        + 0.16 * rng.random()
        - (0.3 if brief.says("storm", "stormy", "fog", "foggy", "mist", "misty") else 0.0)
    )
    ramp = brief.ramp
    dark, shade, bright = ramp.at(0.34), ramp.at(0.52), ramp.at(1.0)
    if brief.says("storm", "stormy"):
        dark, shade, bright = ramp.at(0.12), ramp.at(0.3), ramp.at(0.8)

    def paint(band: Band) -> Packed:
        low = band.y / np.float32(brief.height)
        sky = ramp.at(0.22 + 0.55 * low**1.3)
        # Rows draw together towards the horizon, as the cloud deck recedes.
        rows = np.asarray(np.log1p(low * 2.2) * (0.9 + 0.9 * low) * brief.height, np.float32)
        here = mass(band.x, rows)
        sun = mass(band.x + np.float32(side), rows - np.float32(0.05))
        alpha = smoothstep(cover - 0.08, cover + 0.42, here)
        light = np.clip(np.float32(0.62) + np.float32(1.5) * (here - sun), 0, 1)
        light -= np.float32(0.38) * smoothstep(cover + 0.15, cover + 1.1, here)
        np.clip(light, 0, 1, out=light)
        low_half, high_half = np.minimum(light * 2, 1), np.maximum(light * 2 - 1, 0)
        planes = []
        for c in range(3):
            body = dark[c] + (shade[c] - dark[c]) * low_half + (bright[c] - shade[c]) * high_half
            plane = sky[:, c : c + 1] + (body - sky[:, c : c + 1]) * alpha
            planes.append(plane)
        return pack_planes(*planes)

    return paint


def starfield(brief: Brief) -> Painter:
    """Deep space: glowing gas with dark lanes, stars of many sizes."""
    rng = brief.rng
    gas = Noise(rng, 0.85, min(brief.octaves, 7), gain=0.56)
    hue = Noise(rng, 0.7, 3)
    lanes = Noise(rng, 1.9, min(brief.octaves, 5), gain=0.6)
    stars = random_stars(brief, 700)
    tints, levels = 64, 256
    hues = brief.ramp.at(np.linspace(0.34, 0.9, tints, dtype=np.float32))[:, None, :]
    glow = np.linspace(0, 1, levels, dtype=np.float32)[None, :, None]
    base = brief.ramp.at(0.0) * 0.55
    cloud = base + (hues - base) * glow**1.1 + (1 - hues) * 0.85 * glow**5
    table = cloud.reshape(-1, 3)
    heading = rng.uniform(-0.9, 0.9)
    offset = rng.uniform(-0.12, 0.12)

    def paint(band: Band) -> Packed:
        dx = (band.x - np.float32(brief.width / 2)) / np.float32(max(brief.width, 1))
        dy = (band.y - np.float32(brief.height / 2)) / np.float32(max(brief.height, 1))
        river = (dy - np.float32(offset))[:, None] - np.float32(heading) * dx
        density = np.float32(0.46) * gas(band.x, band.y)
        density += np.float32(0.16) + np.float32(0.62) * np.exp(np.float32(-9) * river * river)
        lane = np.abs(lanes(band.x, band.y))
        density *= np.float32(0.5) + np.float32(0.5) * smoothstep(0.0, 0.4, lane)
        tint = np.clip(index(np.float32(0.5) + np.float32(0.5) * hue(band.x, band.y), tints), 0, 63)
        at = tint * levels + np.clip(index(density, levels), 0, levels - 1)
        light = splat_stars(band, stars)
        planes = [table[:, c].take(at) + light for c in range(3)]
        return pack_planes(*planes)

    return paint


def aurora(brief: Brief) -> Painter:
    """Curtains of light over a dark skyline."""
    rng = brief.rng
    stars = random_stars(brief, 240, depth=0.8)
    curtains = [
        (
            Noise(rng, 0.8, 3),
            Noise(rng, 9.0, 3),
            rng.uniform(0.36, 0.66) * brief.height,
            rng.uniform(0.18, 0.34) * brief.height,
            rng.uniform(0.55, 1.0),
        )
        for _ in range(4)
    ]
    skyline = Noise(rng, 1.6, min(brief.octaves, 6))
    ramp = brief.ramp
    low, high = ramp.at(0.72), ramp.at(0.98)
    rim, ground = ramp.at(0.5), ramp.at(0.0) * 0.5

    def paint(band: Band) -> Packed:
        down = band.y / np.float32(brief.height)
        sky = ramp.at(0.02 + 0.24 * down**2)
        light = splat_stars(band, stars) * np.float32(0.8)
        lower, upper = np.zeros(band.shape, np.float32), np.zeros(band.shape, np.float32)
        for path, rays, base, length, strength in curtains:
            foot = np.float32(base) + np.float32(0.16 * brief.height) * path.along(band.x)
            beam = np.float32(0.55) + np.float32(0.55) * rays.along(band.x)
            beam = np.clip(beam, 0.05, 1.3) * np.float32(strength)
            rate = np.float32(3.2 / length)
            above = (foot - band.y[:, None]) * np.float32(1 / length)
            # exp(y - foot) is an outer product; the foot's cut hides what grows below it.
            fall = np.exp(band.y * rate)[:, None] * (np.exp(-foot * rate) * beam)
            fall *= smoothstep(-0.09, 0.05, above)
            np.clip(above, 0, 1, out=above)
            above *= fall
            upper += above
            fall -= above
            lower += fall
        hill = np.float32(0.86 * brief.height) + np.float32(0.06) * skyline.along(band.x)
        dark = np.clip((band.y[:, None] - hill) / np.float32(2 * brief.pixel), 0, 1)
        planes = []
        for c in range(3):
            plane = sky[:, c : c + 1] + light
            plane = plane + lower * low[c] * np.float32(0.8) + upper * (rim[c] + high[c]) * 0.55
            planes.append(plane + (ground[c] - plane) * dark)
        return pack_planes(*planes)

    return paint
