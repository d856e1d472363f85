"""Plasma, silk, fire and a kaleidoscope: colours laid over moving fields."""

from __future__ import annotations

import numpy as np

from studio_worker_video.canvas import Floats, Frame, Texture, fractal, fraction, smoothstep, wave
from studio_worker_video.colours import to_frame
from studio_worker_video.scenes.setting import Setting
from studio_worker_video.scenes.spots import stamp


class Plasma:
    """Bands of colour that well up and roll round each other."""

    def __init__(self, setting: Setting) -> None:
        self._canvas = setting.canvas()
        self._ramp = setting.ramp
        self._turns = setting.cycles(0.22)
        self._drift = setting.drift(self._canvas, size=0.55, rate=0.16, slope=2.9)
        self._bend = setting.drift(self._canvas, size=0.9, rate=0.12)

    def __call__(self, turn: float) -> Frame:
        bend = self._bend(turn)
        field = (
            0.27 * self._drift(turn)
            + 0.16 * wave(self._canvas.x * 0.9 + 0.35 * bend)
            + 0.14 * wave(self._canvas.y * 1.1 - 0.3 * bend)
        )
        return self._ramp.paint_cycle(self._canvas.enlarge(field + (turn * self._turns + 8)))


class Flow:
    """Folds of silk: a soft field that bends itself, lit from one side."""

    def __init__(self, setting: Setting) -> None:
        self._canvas = canvas = setting.canvas()
        self._ramp = setting.ramp
        self._texture = Texture(fractal(setting.rng, coarsest=2, finest=14, slope=2.4))
        self._warps = [setting.drift(canvas, size=0.7, rate=0.12, slope=2.3) for _ in range(2)]
        self._sweep = setting.cycles(0.25)

    def __call__(self, turn: float) -> Frame:
        across, down = (warp(turn) for warp in self._warps)
        x, y = self._canvas.x + 0.14 * across, self._canvas.y + 0.14 * down
        field = self._texture(x / 3, y / 3)
        folds = wave(field * 0.7 + 0.9 * (x + 0.6 * y) + np.float32(turn * self._sweep))
        slope = np.gradient(folds, axis=1) * self._canvas.columns / self._canvas.aspect[0]
        fine = self._canvas.enlarge(0.5 + 0.38 * folds)
        light = self._canvas.enlarge(np.asarray(np.tanh(slope * 0.11), np.float32))
        colour = self._ramp.at(fine)
        colour *= (1 + 0.35 * np.minimum(light, 0))[..., None]
        colour += (0.16 * np.maximum(light, 0) ** 2)[..., None]
        return to_frame(colour)


class Fire:
    """Flames that rise from the lower edge, with sparks."""

    def __init__(self, setting: Setting) -> None:
        self._canvas = setting.canvas(288)
        self._ramp = setting.ramp
        self._coarse = Texture(fractal(setting.rng, coarsest=2, finest=24, slope=1.7))
        self._fine = Texture(fractal(setting.rng, coarsest=4, finest=64, slope=1.6))
        self._rise = setting.cycles(0.5), setting.cycles(0.8)
        self._sway = setting.cycles(0.4)
        self._shift = setting.rng.random(2).astype(np.float32)
        self._sparks = _Sparks(setting)

    def __call__(self, turn: float) -> Frame:
        x, y = self._canvas.x, self._canvas.y
        height = 0.5 - y / np.float32(self._canvas.aspect[1])  # 0 at the foot, 1 at the top
        slow, quick = (np.float32(turn * n) for n in self._rise)
        sway = 0.05 * height * wave(0.6 * y + np.float32(turn * self._sway))
        u, v = (x + sway) * 0.55 + self._shift[0], y * 0.3 + self._shift[1]
        bend = self._coarse(u, v + slow)
        tongues = self._fine(u + 0.035 * bend, v * 1.1 + 0.02 * bend + quick)
        heat = 1.02 - 1.25 * height + (0.16 + 0.2 * height) * (bend + 0.8 * tongues)
        heat *= 1 - 0.35 * smoothstep(0.25, 0.75, np.abs(x) / np.float32(self._canvas.aspect[0]))
        light = self._ramp.at(self._canvas.enlarge(np.clip(heat, 0, 1) ** 1.25))
        self._sparks.add(light, turn)
        return to_frame(light)


class _Sparks:
    """Glowing points that rise and go out."""

    def __init__(self, setting: Setting, count: int = 40) -> None:
        rng = setting.rng
        self._colour = setting.ramp.at(0.85)
        self._size = setting.width, setting.height
        self._start = rng.random((count, 3))
        self._rise = rng.integers(1, 3, count) * setting.cycles(0.35)
        self._swing = 0.01 + 0.03 * rng.random(count)

    def add(self, light: Floats, turn: float) -> None:
        life = (self._start[:, 2] + turn * self._rise) % 1
        width, height = self._size
        x = (self._start[:, 0] + self._swing * np.sin(life * 9 + self._start[:, 1] * 6)) * width
        y = (1.02 - life * (0.6 + 0.5 * self._start[:, 1])) * height
        radius = max(0.8, min(width, height) / 420)
        glow = np.sin(np.pi * life) ** 0.7
        stamp(light, x, y, np.full(len(x), radius), glow[:, None] * self._colour)


class Kaleidoscope:
    """A rosette that turns and blossoms."""

    def __init__(self, setting: Setting) -> None:
        self._canvas = canvas = setting.canvas(480)
        self._ramp = setting.ramp
        self._texture = Texture(fractal(setting.rng, coarsest=2, finest=28, slope=1.9))
        self._mirrors = int(setting.rng.integers(3, 7)) * 2
        self._radius = np.hypot(canvas.x, canvas.y).astype(np.float32)
        self._angle = (np.arctan2(canvas.y, canvas.x) / (2 * np.pi)).astype(np.float32)
        self._turns, self._bloom = setting.cycles(0.12), setting.cycles(0.25)
        self._wander = min(0.1, 0.02 * setting.seconds * setting.speed)

    def __call__(self, turn: float) -> Frame:
        slice_ = np.abs(fraction(self._angle * self._mirrors) - 0.5) * 2
        angle = slice_ * np.float32(np.pi / self._mirrors)
        u, v = self._radius * np.cos(angle), self._radius * np.sin(angle)
        phase = 2 * np.pi * turn * self._turns
        wander_u = np.float32(self._wander * np.cos(phase))
        wander_v = np.float32(self._wander * np.sin(phase))
        first = self._texture(u * 0.3 + wander_u, v * 0.3 + wander_v)
        second = self._texture(v * 0.45 - wander_v + 0.3, u * 0.45 + 0.03 * first + wander_u)
        rings = self._radius * 1.4 - np.float32(turn * self._bloom)
        field = 0.24 * first + 0.2 * second + rings
        return self._ramp.paint_cycle(self._canvas.enlarge(field.astype(np.float32) + 64))
