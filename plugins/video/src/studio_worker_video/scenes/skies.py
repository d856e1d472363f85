"""Aurora, clouds and a journey past mountains."""

from __future__ import annotations

import numpy as np

from studio_worker_video.canvas import (
    Floats,
    Frame,
    Texture,
    fractal,
    layers,
    smoothstep,
    tinted,
)
from studio_worker_video.colours import to_frame
from studio_worker_video.scenes.setting import Setting
from studio_worker_video.scenes.spots import stamp


class Aurora:
    """Curtains of light over dark hills, and stars."""

    def __init__(self, setting: Setting) -> None:
        self._canvas = canvas = setting.canvas(280)
        rng = setting.rng
        self._ramp = setting.ramp
        self._paths = [_Line(setting, rate=0.18, rough=2.4) for _ in range(3)]
        self._rays = [_Line(setting, rate=0.3, rough=1.1, finest=48) for _ in range(3)]
        self._places = -0.05 - 0.13 * np.arange(3) + 0.04 * rng.random(3)
        x, y = canvas.full()
        tall = canvas.aspect[1]
        depth = np.clip(0.5 + y / np.float32(tall), 0, 1)
        sky = setting.ramp.at(0.02 + 0.13 * depth**2) * (0.5 + 0.6 * depth[..., None])
        self._sky = layers(setting.height, setting.width)
        self._sky += sky
        count = int(110 * canvas.aspect[0] * tall)
        place = rng.random((count, 2)) * [setting.width, setting.height * 0.8]
        power = 0.15 + 0.75 * rng.random(count) ** 4
        size = np.full(count, max(0.55, canvas.short / 1100))
        stamp(self._sky, place[:, 0], place[:, 1], size, power[:, None] * np.ones(3))
        ridge = np.float32(0.36 * tall) - 0.05 * _ridge(rng, x, 0.35, tall)
        self._ground = smoothstep(-0.5, 0.5, (y - ridge) * canvas.short)[..., None]
        self._dark = setting.ramp.at(0.0) * 0.35

    def __call__(self, turn: float) -> Frame:
        canvas = self._canvas
        glow = layers(canvas.rows, canvas.columns)
        for path, rays, place in zip(self._paths, self._rays, self._places, strict=True):
            bend = path(canvas.x, turn)
            foot = np.float32(place + 0.2) + 0.07 * bend
            above = foot - canvas.y
            streaks = np.clip(0.62 + 0.42 * rays(canvas.x + 0.12 * bend, turn), 0.04, None)
            reach = 0.1 + 0.16 * streaks
            shine = smoothstep(-0.03, 0.03, above) * np.exp(-np.maximum(above, 0) / reach)
            shine *= 0.62 * streaks
            hue = 0.55 + 0.5 * smoothstep(0.0, 0.42, above)
            glow += shine[..., None] * self._ramp.at(hue)
        light = self._sky + canvas.enlarge(glow)
        light += (self._dark - light) * self._ground
        return to_frame(light)


class _Line:
    """A wandering height along x, without a seam in time."""

    def __init__(self, setting: Setting, rate: float, rough: float, finest: float = 12) -> None:
        self._texture = Texture(fractal(setting.rng, coarsest=1, finest=finest, slope=rough + 0.5))
        self._phase = np.float32(setting.rng.random())
        self._cycles = setting.cycles(rate)

    def __call__(self, x: Floats, turn: float) -> Floats:
        # A circle through the texture: it comes back to where it was.
        angle = 2 * np.pi * (turn * self._cycles + float(self._phase))
        u = x * np.float32(0.3) + np.float32(0.06 * np.cos(angle))
        return self._texture(u, np.float32(0.25 * np.sin(angle)) + np.zeros_like(x) + self._phase)


class Clouds:
    """Clouds that drift over the sky and change on the way."""

    def __init__(self, setting: Setting) -> None:
        self._canvas = canvas = setting.canvas(300)
        self._texture = Texture(fractal(setting.rng, coarsest=2, finest=90, slope=1.75))
        self._high = Texture(fractal(setting.rng, coarsest=2, finest=40, slope=2.0))
        self._way = min(0.035 * setting.seconds, 0.3) * setting.speed
        self._rounds = setting.cycles(0.035 / 0.3)
        self._shift = setting.rng.random(2).astype(np.float32)
        _, y = canvas.full()
        depth = 0.5 + y / np.float32(canvas.aspect[1])
        self._sky = setting.ramp.at(0.36 + 0.36 * depth)
        self._lit, self._shade = setting.ramp.at(1.0), setting.ramp.at(0.5)

    def __call__(self, turn: float) -> Frame:
        canvas = self._canvas
        # Further up means nearer: the layer is a ceiling seen from below.
        far = 0.72 + canvas.y / np.float32(canvas.aspect[1])
        scale = 0.34 / (1.25 - 0.62 * far)
        u, v = canvas.x * scale * 0.6 + self._shift[0], scale * 1.6 + self._shift[1]
        density = self._moving(self._texture, u, v, turn)
        lit = self._moving(self._texture, u + 0.012, v - 0.02, turn)
        veil = self._moving(self._high, canvas.x * 0.25, canvas.y * 0.6 + v, turn)
        cover = smoothstep(-0.15, 1.05, density)
        bright = np.clip(0.62 + 0.34 * (density - lit) + 0.2 * (1 - cover), 0, 1)
        thin = 0.3 * smoothstep(0.0, 2.2, veil)
        full_cover = canvas.enlarge(cover)[..., None]
        colour = self._shade + (self._lit - self._shade) * canvas.enlarge(bright)[..., None]
        light = self._sky + (self._lit - self._sky) * canvas.enlarge(thin)[..., None]
        light += (colour - light) * full_cover
        return to_frame(light)

    def _moving(self, texture: Texture, u: Floats, v: Floats, turn: float) -> Floats:
        """The texture as it drifts by, dissolving into where it came from: a slow drift that
        nevertheless ends where it began."""
        part = (turn * self._rounds) % 1.0
        old, new = 1 - part, part
        here = texture(u + np.float32(self._way * part), v)
        there = texture(u + np.float32(self._way * (part - 1)), v)
        level = (old**2 + new**2) ** 0.5  # as lively half-way as at the ends
        return np.asarray(here * (old / level) + there * (new / level), np.float32)


class Landscape:
    """A ride past ranges of hills, the near ones faster, with haze between them. The one scene
    that does not end where it began: ranges that did would rush by in a short clip."""

    def __init__(self, setting: Setting) -> None:
        self._canvas = canvas = setting.canvas()
        rng, ramp = setting.rng, setting.ramp
        self._x, self._y = canvas.full()
        wide, tall = canvas.aspect
        up = 0.5 - self._y / np.float32(tall)
        self._sky = layers(setting.height, setting.width)
        self._sky += ramp.at(np.clip(0.95 - 0.75 * up, 0, 1))
        sun_x, sun_y = rng.uniform(-0.25, 0.25) * wide, -0.14 * tall
        away = np.hypot(self._x - np.float32(sun_x), self._y - np.float32(sun_y))
        disc = smoothstep(0.5, -0.5, (away - 0.08) * canvas.short)
        self._sky += tinted(0.8 * disc + 0.35 * np.exp(-away * 4), ramp.at(1.0))
        self._layers = []
        for number in range(5):
            near = number / 4
            base = (-0.02 + 0.4 * near**1.3) * tall
            mist = np.clip((self._y - base) / np.float32(0.3 * tall), 0, 1)[..., None]
            far, close = ramp.at(0.62 - 0.58 * near**0.8), ramp.at(0.8 - 0.6 * near**0.8)
            self._layers.append(
                (
                    _Range(rng, rough=2.1 + 0.2 * near, period=6 * wide),
                    (0.02, 0.04, 0.08, 0.16, 0.3)[number] * setting.seconds * setting.speed,
                    np.float32(base),
                    np.float32((0.07 - 0.015 * near) * tall),
                    far + (close - far) * mist * 0.75,
                )
            )

    def __call__(self, turn: float) -> Frame:
        light = self._sky.copy("K")
        short = np.float32(self._canvas.short)
        for hills, way, base, height, tone in self._layers:
            ridge = base - height * hills(self._x, turn * way)
            # Above the highest peak there is nothing to paint.
            top = max(int(np.searchsorted(self._y[:, 0], ridge.min())) - 1, 0)
            mask = np.clip((self._y[top:] - ridge) * short + 0.5, 0, 1)
            light[top:] += (tone[top:] - light[top:]) * mask[..., None]
        return to_frame(light)


class _Range:
    """Heights along x (picture units) that repeat after ``period``."""

    def __init__(self, rng: np.random.Generator, rough: float, period: float) -> None:
        count = 4096
        waves = np.arange(count // 2 + 1)
        # Nothing wider than about a picture, or a range is a single slope.
        weight = np.where((waves > 5) & (waves < 900), np.maximum(waves, 1.0) ** -(rough - 0.35), 0)
        noise = rng.standard_normal(len(waves)) + 1j * rng.standard_normal(len(waves))
        heights = np.fft.irfft(noise * weight, count)
        self._heights = (heights / heights.std()).astype(np.float32)
        self._period = period

    def __call__(self, x: Floats, shift: float) -> Floats:
        count = len(self._heights)
        place = (x + shift) / self._period * count
        found = np.interp(place, np.arange(count), self._heights, period=count)
        return np.asarray(found, np.float32)


def _ridge(rng: np.random.Generator, x: Floats, size: float, tall: float) -> Floats:
    return _Range(rng, rough=1.8, period=16 * size)(x, 0.0) * np.float32(tall)
