"""Stars, a tunnel, snow, rain and lights: many small things that move."""

from __future__ import annotations

import numpy as np

from studio_worker_video.canvas import Floats, Frame, Texture, fractal, fraction, tinted
from studio_worker_video.colours import to_frame
from studio_worker_video.scenes.setting import Setting
from studio_worker_video.scenes.spots import add_patch, disc, stamp, streak


class Starfield:
    """A flight through stars, a nebula far behind."""

    def __init__(self, setting: Setting, count: int = 420) -> None:
        self._canvas = canvas = setting.canvas(200)
        rng = setting.rng
        self._ramp = setting.ramp
        self._nebula = setting.drift(canvas, size=0.45, rate=0.04, slope=2.1)
        self._dust = setting.drift(canvas, size=0.3, rate=0.04, slope=1.9)
        angle = rng.random(count) * 2 * np.pi
        self._way = np.stack([np.cos(angle), np.sin(angle)], axis=-1)
        self._way *= (0.03 + 0.5 * rng.random(count) ** 0.6)[:, None]
        self._start = rng.random(count)
        self._pace = setting.cycles(0.22)
        self._blink = 1 / max(8.0, 24 * setting.seconds)
        white = np.array([1.0, 1.0, 1.0], np.float32)
        tint = setting.ramp.at(0.6 + 0.4 * rng.random(count))
        self._colour = 0.45 * tint + 0.55 * white

    def __call__(self, turn: float) -> Frame:
        cloud = np.clip(0.24 + 0.17 * self._nebula(turn), 0, None)
        cloud *= np.clip(0.75 + 0.3 * self._dust(turn), 0.15, None)
        light = self._ramp.at(self._canvas.enlarge(cloud)) * 0.8
        for part in range(4):  # four moments of an open shutter draw the nearest ones out
            moment = turn - 0.09 * self._blink * part
            depth = 1 - (self._start + moment * self._pace) % 1
            near = 1 / (0.06 + depth)
            x = (self._way[:, 0] * near * 0.5 * self._canvas.short) + self._canvas.width / 2
            y = (self._way[:, 1] * near * 0.5 * self._canvas.short) + self._canvas.height / 2
            size = self._canvas.short / 512 * np.clip(0.6 + 0.16 * near, 0.7, 2.6)
            fade = np.minimum(1, (1 - depth) * 6) * np.clip(0.16 * near, 0.25, 1.6)
            power = fade * (0.5, 0.36, 0.24, 0.14)[part]
            stamp(light, x, y, np.maximum(size, 0.5), power[:, None] * self._colour)
        return to_frame(light)


class Tunnel:
    """A way through rings of light."""

    def __init__(self, setting: Setting) -> None:
        self._canvas = setting.canvas(512)
        self._ramp = setting.ramp
        self._texture = Texture(fractal(setting.rng, coarsest=2, finest=24, slope=1.9))
        self._onward = setting.cycles(0.45)
        self._wander = setting.cycles(0.2)
        self._sides = int(setting.rng.integers(6, 13))
        # The spokes are all alike: on by one of them is back at the start.
        self._twist = setting.cycles(0.6) / self._sides

    def __call__(self, turn: float) -> Frame:
        phase = 2 * np.pi * turn * self._wander
        x = self._canvas.x - np.float32(0.09 * np.cos(phase))
        y = self._canvas.y - np.float32(0.06 * np.sin(phase))
        radius = np.sqrt(x * x + y * y) + np.float32(0.02)  # far quicker than hypot
        depth = np.float32(0.25) / radius
        around = np.arctan2(y, x) / np.float32(2 * np.pi)
        angle = around + 0.06 * depth + np.float32(turn * self._twist)
        onward = depth + np.float32(2 * turn * self._onward)
        # Lines finer than a pixel melt into their mean instead of flickering.
        soft = np.clip(0.055 * depth, 0.035, 0.5)
        ring = _line(onward * 1.0, soft * 0.55)
        spoke = _line(angle * self._sides, np.clip(0.02 * self._sides * depth * 0.3, 0.04, 0.5))
        walls = 0.5 + 0.22 * self._texture(around, onward / 2)
        fog = np.exp(-0.42 * depth)
        base = self._ramp.at(self._canvas.enlarge(np.clip(0.34 * walls * fog + 0.04, 0, 1)))
        bright = np.maximum(ring, 0.75 * spoke) * np.exp(-0.24 * depth)
        hue = np.clip(0.85 - 0.45 * fog + 0.1 * walls, 0, 1)
        base += self._ramp.at(self._canvas.enlarge(hue)) * self._canvas.enlarge(bright)[..., None]
        core = np.exp(-((radius / 0.09) ** 2)).astype(np.float32)
        base += tinted(self._canvas.enlarge(core), self._ramp.at(0.96))
        return to_frame(base)


def _line(place: Floats, breadth: Floats) -> Floats:
    """A glowing line at every whole number."""
    away = np.abs(fraction(place) - 0.5)
    edge = (0.5 - away) / breadth
    return np.asarray(np.exp(-(edge**2)) * np.minimum(1, 0.05 / breadth + 0.35), np.float32)


class Snow:
    """Snow in front of a winter night, near flakes large, soft and fast."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._back = _backdrop(setting, 0.12, 0.5)
        rng = setting.rng
        wide, tall = setting.canvas().aspect
        count = int(230 * wide * tall)
        self._near = np.sort(rng.random(count) ** 2.2)
        self._place = rng.random((count, 3))
        self._fall = 1 + np.floor(self._near * 2.2).astype(int)
        self._fall *= setting.cycles(0.16)
        self._colour = 0.25 * setting.ramp.at(0.95) + 0.75

    def __call__(self, turn: float) -> Frame:
        setting = self._setting
        light = self._back.copy("K")
        short = min(setting.width, setting.height)
        swing = (0.01 + 0.02 * self._near) * np.sin(
            2 * np.pi * (turn * self._fall + self._place[:, 2])
        )
        x = (self._place[:, 0] * 1.1 - 0.05 + swing) * setting.width
        y = ((self._place[:, 1] + turn * self._fall) % 1 * 1.16 - 0.08) * setting.height
        size = short / 512 * (0.8 + 5.2 * self._near**1.6)
        power = 0.8 - 0.5 * self._near
        stamp(light, x, y, np.maximum(size, 0.5), power[:, None] * self._colour)
        return to_frame(light)


class Rain:
    """Rain in front of the lights of a city at night."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._back = _backdrop(setting, 0.04, 0.3)
        rng = setting.rng
        canvas = setting.canvas()
        wide, tall = canvas.aspect
        for _ in range(int(14 * wide * tall)):
            place = rng.random(2) * [setting.width, setting.height * 0.9]
            glow = disc(canvas.short, canvas.short * rng.uniform(0.03, 0.085))
            add_patch(
                self._back, glow, place[0], place[1], setting.ramp.at(rng.uniform(0.5, 1)) * 0.3
            )
        count = int(150 * wide * tall)
        self._near = rng.random(count) ** 1.5
        self._place = rng.random((count, 2))
        self._fall = (1 + np.floor(self._near * 2)).astype(int) * setting.cycles(0.85)
        self._colour = 0.5 * setting.ramp.at(0.9) + 0.5

    def __call__(self, turn: float) -> Frame:
        light = self._back.copy("K")
        width, height = self._setting.width, self._setting.height
        short = min(width, height)
        where = (self._place[:, 1] + turn * self._fall) % 1
        length = short * (0.05 + 0.1 * self._near)
        y = where * (height + 2 * length) - length
        x = self._place[:, 0] * width * 1.1 - 0.08 * (y - height / 2)
        breadth = np.maximum(0.45, short / 512 * (0.45 + 0.6 * self._near))
        for px, py, reach, r, near in zip(x, y, length, breadth, self._near, strict=True):
            streak(light, px, py, reach, r, (0.1 + 0.22 * near) * self._colour)
        return to_frame(light)


class Bokeh:
    """Soft round lights that float up and pulse, as a lens out of focus sees them."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._back = _backdrop(setting, 0.05, 0.28)
        rng = setting.rng
        canvas = setting.canvas()
        wide, tall = canvas.aspect
        count = int(46 * wide * tall)
        self._place = rng.random((count, 3))
        near = np.sort(rng.random(count))
        self._rise = (1 + np.floor(near * 1.6)).astype(int) * setting.cycles(0.06)
        self._pulse = rng.integers(1, 3, count) * setting.cycles(0.3)
        self._power = 0.5 - 0.3 * near
        self._colour = setting.ramp.at(0.42 + 0.58 * rng.random(count))
        sizes = canvas.short * (0.018 + 0.08 * near**1.5)
        self._discs = [disc(canvas.short, size) for size in sizes]

    def __call__(self, turn: float) -> Frame:
        light = self._back.copy("K")
        width, height = self._setting.width, self._setting.height
        x = self._place[:, 0] + 0.02 * np.sin(2 * np.pi * (turn * self._rise + self._place[:, 2]))
        y = 1.2 - (self._place[:, 1] + turn * self._rise) % 1 * 1.4
        pulse = 0.7 + 0.3 * np.sin(2 * np.pi * (turn * self._pulse + self._place[:, 2]))
        power = (self._power * pulse)[:, None] * self._colour
        for glow, px, py, colour in zip(self._discs, x * width, y * height, power, strict=True):
            add_patch(light, glow, float(px), float(py), colour)
        return to_frame(light)


def _backdrop(setting: Setting, low: float, high: float) -> Floats:
    """A still, cloudy gradient from ``low`` to ``high`` of the ramp, lighter below."""
    canvas = setting.canvas(200)
    soft = Texture(fractal(setting.rng, coarsest=1, finest=6, slope=2.6))(
        canvas.x / 4, canvas.y / 4
    )
    depth = 0.5 + canvas.y / np.float32(canvas.aspect[1])
    field = low + (high - low) * np.clip(depth + 0.16 * soft, 0, 1.2)
    return setting.ramp.at(canvas.enlarge(np.asarray(field, np.float32)))
