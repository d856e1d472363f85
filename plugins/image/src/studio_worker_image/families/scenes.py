"""Families with a horizon: landscape and waves, drawn as layers from far to near."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from studio_worker_image.families.brief import Brief, Painter, pack_planes, splat_stars
from studio_worker_image.families.skies import NIGHT_WORDS, random_stars
from studio_worker_image.fields import Band, Floats, Noise, sine
from studio_worker_image.ramps import Packed


@dataclass(frozen=True)
class _Disc:
    """A sun or a moon."""

    x: float
    y: float
    radius: float
    colour: Floats
    halo: float


def _sky(brief: Brief, band: Band, disc: _Disc, horizon: float, dark: bool) -> list[Floats]:
    """The sky's three planes: a gradient, a halo and the disc."""
    down = np.clip(band.y / np.float32(horizon), 0, 1)
    top, bottom = (0.04, 0.5) if dark else (0.3, 0.95)
    sky = brief.ramp.at(top + (bottom - top) * down**1.25)
    dx = band.x - np.float32(disc.x)
    dy = band.y - np.float32(disc.y)
    away = np.sqrt(dx * dx + (dy * dy)[:, None])
    halo = np.exp(away * np.float32(-3.4)) * np.float32(disc.halo)
    edge = np.float32(max(1.5 * brief.pixel, 0.002))
    solid = np.clip((np.float32(disc.radius) - away) / edge + np.float32(0.5), 0, 1)
    planes = []
    for c in range(3):
        plane = sky[:, c : c + 1] + (disc.colour[c] - sky[:, c : c + 1]) * halo
        planes.append(plane + (disc.colour[c] - plane) * solid)
    return planes


def _lay(
    planes: list[Floats],
    band: Band,
    ridge: Floats,
    near: Floats,
    far: Floats,
    depth: float,
    soft: float,
    until: float,
) -> None:
    """Paint what is below ``ridge`` (y per column), fading from ``near`` to ``far``, down to
    the row ``until``: the next layer hides the rest."""
    first = int(np.searchsorted(band.y, float(ridge.min()) - soft))
    last = int(np.searchsorted(band.y, until))
    if first >= last:
        return
    below = band.y[first:last, None] - ridge
    cover = np.clip(below / np.float32(soft), 0, 1)
    fade = np.clip(below / np.float32(depth), 0, 1)
    for plane, here, there in zip(planes, near, far, strict=True):
        part = plane[first:last]
        body = here + (there - here) * fade
        body -= part
        body *= cover
        part += body


def landscape(brief: Brief) -> Painter:
    """Mountain ridges in the haze under a sun or moon; trees, dunes or a lake on request."""
    rng = brief.rng
    dark = brief.says(*NIGHT_WORDS)
    dunes = brief.says("desert", "dune", "sand", "sahara")
    lake = brief.says("lake", "sea", "ocean", "river", "water", "island") or rng.random() < 0.25
    trees = brief.says("forest", "tree", "wood", "pine", "jungle") or (
        not dunes and rng.random() < 0.5
    )
    shore = brief.height * (0.74 if lake else 1.01)
    disc = _Disc(
        x=float(rng.uniform(0.2, 0.8)) * brief.width,
        y=float(rng.uniform(0.2, 0.42)) * brief.height,
        radius=float(rng.uniform(0.045, 0.085)),
        colour=brief.ramp.at(1.0),
        halo=0.45 if dark else 0.75,
    )
    stars = random_stars(brief, 260, depth=0.7) if dark else None
    layers = _ridges(brief, dunes=dunes, trees=trees, dark=dark, bottom=min(shore, brief.height))

    def paint(band: Band) -> Packed:
        # A lake shows the rows above the shore again, upside down and rippled.
        wet = np.clip(band.y - np.float32(shore), 0, None)
        ripple = sine(np.asarray(np.sqrt(wet) * 26, np.float32)) * wet * np.float32(0.16)
        mirrored = np.where(wet > 0, shore - wet * 1.25 + ripple, band.y).astype(np.float32)
        if wet.any():
            order = np.argsort(mirrored, kind="stable")
            planes = _dry(
                brief, Band(band.x, mirrored[order], band.pixel), disc, layers, dark, stars
            )
            back = np.empty_like(order)
            back[order] = np.arange(len(order))
            planes = [plane[back] for plane in planes]
            tint = brief.ramp.at(0.3)
            depth = (np.float32(0.3) + np.float32(0.5) * wet) * (wet > 0)
            planes = [p + (t - p) * depth[:, None] for p, t in zip(planes, tint, strict=True)]
            return pack_planes(*(p.astype(np.float32) for p in planes))
        return pack_planes(*_dry(brief, band, disc, layers, dark, stars))

    return paint


_Ridge = tuple[Noise, float, float, float, float, bool]
"""Outline, height of the middle, amplitude, place on the ramp near and far, trees."""


def _ridges(brief: Brief, *, dunes: bool, trees: bool, dark: bool, bottom: float) -> list[_Ridge]:
    rng = brief.rng
    count = 5
    octaves = 2 if dunes else min(brief.octaves, 7)
    layers: list[_Ridge] = []
    for number in range(count):
        near = number / (count - 1)
        middle = bottom * (0.5 + 0.42 * near**1.1)
        rise = (0.12 if dunes else 0.19) * (1 - 0.55 * near)
        tone = (0.42 if dark else 0.74) * (1 - near) ** 0.9
        layers.append(
            (
                Noise(rng, 1.1 + 1.0 * near, octaves, gain=0.46),
                middle,
                rise,
                tone,
                min(tone + 0.2 * (1 - near) + 0.05, 0.9),
                trees and near > 0.6,
            )
        )
    return layers


def _dry(
    brief: Brief, band: Band, disc: _Disc, layers: list[_Ridge], dark: bool, stars: Floats | None
) -> list[Floats]:
    planes = _sky(brief, band, disc, 0.75 * brief.height, dark)
    if stars is not None:
        light = splat_stars(band, stars)
        planes = [plane + light for plane in planes]
    soft = max(1.2 * brief.pixel, 0.0015)
    ridges = [_outline(band, layer) for layer in layers]
    lowest = [float(ridge.max()) + 2 * soft for ridge in ridges[1:]] + [np.inf]
    for (_, _, _, tone, haze, _), ridge, until in zip(layers, ridges, lowest, strict=True):
        near, far = brief.ramp.at(tone), brief.ramp.at(haze)
        _lay(planes, band, ridge, near, far, 0.34, soft, until)
    return planes


def _outline(band: Band, layer: _Ridge) -> Floats:
    noise, middle, rise, _, _, trees = layer
    shape = noise.along(band.x)
    ridge = np.float32(middle) - np.float32(rise) * (np.abs(shape) * 1.3 + shape * 0.5)
    return np.asarray(ridge - _treeline(band.x, noise) if trees else ridge, np.float32)


def _treeline(x: Floats, seedling: Noise) -> Floats:
    """Height of conifers along x: narrow triangles of uneven height, with boughs."""
    height = np.zeros_like(x)
    still = np.full(1, 3.7, np.float32)
    wobble = seedling(x * np.float32(0.9), still)[0]
    for rate, size in ((23.0, 0.05), (37.0, 0.036), (53.0, 0.026)):
        place = x * np.float32(rate) + np.float32(0.8) * wobble
        number = np.floor(place)
        part = np.abs(place - number - np.float32(0.5)) * 2
        lot = np.float32(0.5) + np.float32(0.5) * sine(
            np.asarray(number * 0.618 + rate, np.float32)
        )
        spire = np.clip(1 - part * np.float32(1.25), 0, 1)
        boughs = np.float32(0.12) * (((1 - spire) * 7) % 1) * (spire > 0)
        height = np.maximum(height, (spire + boughs) * np.float32(size) * (0.35 + lot))
    return np.asarray(height, np.float32)


def waves(brief: Brief) -> Painter:
    """Rolling water in layers, each with a bright crest, under a low sun."""
    rng = brief.rng
    dark = brief.says(*NIGHT_WORDS)
    disc = _Disc(
        x=float(rng.uniform(0.25, 0.75)) * brief.width,
        y=float(rng.uniform(0.16, 0.28)) * brief.height,
        radius=float(rng.uniform(0.06, 0.11)),
        colour=brief.ramp.at(1.0),
        halo=0.4 if dark else 0.7,
    )
    stars = random_stars(brief, 220, depth=0.4) if dark else None
    count = 9
    swell = [
        (rng.uniform(0.7, 1.5), rng.random(), rng.uniform(1.8, 3.4), rng.random(), Noise(rng, 2, 3))
        for _ in range(count)
    ]

    def paint(band: Band) -> Packed:
        planes = _sky(brief, band, disc, 0.5 * brief.height, dark)
        if stars is not None:
            planes = [plane + splat_stars(band, stars) for plane in planes]
        crests = [
            _crest(brief, band, wave, number / (count - 1)) for number, wave in enumerate(swell)
        ]
        for number, ridge in enumerate(crests):
            near = number / (count - 1)
            tone = (0.72 - 0.56 * near) if not dark else (0.5 - 0.42 * near)
            soft, turn = max(1.5 * brief.pixel, 0.002), 0.012 + 0.012 * near
            foam, body, deep = (brief.ramp.at(min(tone + t, 1.0)) for t in (0.42, 0.1, 0.0))
            edge = ridge + np.float32(0.008 + 0.008 * near)
            hidden = float(crests[number + 1].max()) + 2 * soft if number + 1 < count else np.inf
            covered = min(float(edge.max()) + 2 * turn, hidden)
            _lay(planes, band, ridge, foam, body, 0.02 + 0.02 * near, soft, covered)
            _lay(planes, band, edge, body, deep * np.float32(0.9), 0.2, turn, hidden)
        return pack_planes(*planes)

    return paint


_Wave = tuple[float, float, float, float, Noise]
"""Rate and shift of the swell, rate and shift of the chop, roughness."""


def _crest(brief: Brief, band: Band, wave: _Wave, near: float) -> Floats:
    """The line of one wave: y per column; ``near`` is 0 at the horizon and 1 in front."""
    rate, shift, rate2, shift2, rough = wave
    middle = brief.height * (0.36 + 0.58 * near**1.25)
    far_x = band.x * np.float32(1.8 - near)
    along = far_x * np.float32(rate) + np.float32(shift + 2)
    crest = sine(along + np.float32(0.08) * rough.along(band.x))
    crest = 1 - np.abs(crest) ** np.float32(0.8) * 1.6
    chop = sine(far_x * np.float32(rate2) + np.float32(shift2 + 2))
    lift = np.float32(0.012 + 0.05 * near) * (crest + np.float32(0.4) * chop)
    return np.asarray(np.float32(middle) - lift, np.float32)
