"""Aurora, clouds, a sea at evening and a journey past mountains."""

from __future__ import annotations

import numpy as np

from studio_worker_video.canvas import Floats, Frame, Texture, fractal, smoothstep, wave
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
        self._sky = np.repeat(sky, setting.width, axis=1)
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
        glow = np.zeros((canvas.rows, canvas.columns, 3), np.float32)
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


class Waves:
    """A sea that rolls towards the viewer under a low sun."""

    def __init__(self, setting: Setting) -> None:
        self._canvas = canvas = setting.canvas(512)
        rng = setting.rng
        tall = canvas.aspect[1]
        self._horizon = np.float32(-0.06 * tall)
        below = np.maximum(canvas.y - self._horizon, 0.004)
        self._distance = 0.16 / below
        self._waves = []
        for number in range(9):
            length = 0.9 * 0.72**number
            heading = rng.normal(0, 0.5)
            self._waves.append(
                (
                    np.float32(np.sin(heading) / length),
                    np.float32(np.cos(heading) / length),
                    np.float32(rng.random()),
                    setting.cycles(0.42 / length**0.5),
                    np.float32(length**0.85),
                )
            )
        self._sun_x = np.float32(rng.uniform(-0.22, 0.22) * canvas.aspect[0])
        self._ramp = setting.ramp
        self._sky = self._paint_sky()
        self._sea = smoothstep(-0.7, 0.7, (canvas.full()[1] - self._horizon) * canvas.short)

    def _paint_sky(self) -> Floats:
        canvas = self._canvas
        x, y = canvas.full()
        up = (self._horizon - y) / np.float32(canvas.aspect[1])
        sky = self._ramp.at(np.clip(0.74 - 0.95 * up, 0.2, 0.8))
        away = np.hypot(x - self._sun_x, y - (self._horizon - 0.1)).astype(np.float32)
        disc = smoothstep(0.5, -0.5, (away - 0.065) * canvas.short)
        glow = 0.5 * np.exp(-away * 5) + 0.25 * np.exp(-away * 14)
        return np.asarray(sky + (disc + glow)[..., None] * self._ramp.at(0.95), np.float32)

    def __call__(self, turn: float) -> Frame:
        canvas = self._canvas
        slope_x = np.zeros((canvas.rows, canvas.columns), np.float32)
        slope_z = np.zeros_like(slope_x)
        across = canvas.x * self._distance * 3.2
        away = self._distance * 3.2
        for kx, kz, phase, cycles, height in self._waves:
            angle = kx * across + kz * away + phase + np.float32(turn * cycles)
            # Waves finer than a pixel of the far water would only flicker.
            fine = np.hypot(kx, kz) * self._distance**2 * np.float32(22 / canvas.rows)
            swing = wave(angle) * (height / (1 + fine**2))
            slope_x += kx * swing
            slope_z += kz * swing
        facing = 0.11 * slope_z
        sky_seen = np.clip(0.36 + 0.2 * facing - 0.1 / (1 + 2 * self._distance), 0, 1)
        water = sky_seen + 0.16 * np.exp(-6 * np.maximum(canvas.y - self._horizon, 0))
        side = (canvas.x - self._sun_x) / (0.05 + 0.28 * np.maximum(canvas.y - self._horizon, 0))
        glint = np.exp(-0.5 * (side + 0.35 * slope_x) ** 2)
        glint *= smoothstep(0.1, 1.1, facing + 0.25)
        sea = self._ramp.at(canvas.enlarge(np.clip(water, 0, 1).astype(np.float32)))
        sea += canvas.enlarge(glint.astype(np.float32))[..., None] * self._ramp.at(0.97)
        return to_frame(self._sky + (sea - self._sky) * self._sea[..., None])


class Landscape:
    """A ride past ranges of hills, the near ones faster, with haze between them. The one scene
    that does not end where it began: ranges that did would rush by in a short clip."""

    def __init__(self, setting: Setting) -> None:
        self._canvas = canvas = setting.canvas()
        rng, ramp = setting.rng, setting.ramp
        self._x, self._y = canvas.full()
        wide, tall = canvas.aspect
        up = 0.5 - self._y / np.float32(tall)
        self._sky = np.repeat(ramp.at(np.clip(0.95 - 0.75 * up, 0, 1)), setting.width, axis=1)
        sun_x, sun_y = rng.uniform(-0.25, 0.25) * wide, -0.14 * tall
        away = np.hypot(self._x - np.float32(sun_x), self._y - np.float32(sun_y))
        disc = smoothstep(0.5, -0.5, (away - 0.08) * canvas.short)
        self._sky += (0.8 * disc + 0.35 * np.exp(-away * 4))[..., None] * ramp.at(1.0)
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
        light = self._sky.copy()
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
