"""A sea at evening."""

from __future__ import annotations

import numpy as np

from studio_worker_video.canvas import Canvas, Floats, Frame, smoothstep, tinted
from studio_worker_video.colours import to_frame
from studio_worker_video.scenes.setting import Setting

_WAVES = 9
_BLOCK = 16_384


class Waves:
    """A sea that rolls towards the viewer under a low sun."""

    def __init__(self, setting: Setting) -> None:
        whole = setting.canvas()
        self._horizon = np.float32(-0.06 * whole.aspect[1])
        _, y = whole.full()
        # Above the first row with any water in it nothing moves.
        shore = int(np.searchsorted(y[:, 0], self._horizon - np.float32(1 / whole.short)))
        self._canvas = canvas = setting.canvas(512, shore)
        self._swell = _Swell(setting, canvas, self._horizon)
        self._sun_x = np.float32(setting.rng.uniform(-0.22, 0.22) * canvas.aspect[0])
        self._ramp = setting.ramp
        sky = self._paint_sky(whole)
        self._above = to_frame(sky)
        mask = smoothstep(-0.7, 0.7, (canvas.full()[1] - self._horizon) * canvas.short)
        self._edge = int(np.count_nonzero(mask < 1))
        self._sky, self._mask = sky[shore : shore + self._edge], mask[: self._edge, :, None]
        depth = np.maximum(canvas.y - self._horizon, 0)
        self._far = 0.1 / (1 + 2 * self._swell.distance)
        self._haze = 0.16 * np.exp(-6 * depth)
        self._side = (canvas.x - self._sun_x) / (0.05 + 0.28 * depth)
        self._sun = self._ramp.at(0.97)

    def _paint_sky(self, canvas: Canvas) -> Floats:
        x, y = canvas.full()
        up = (self._horizon - y) / np.float32(canvas.aspect[1])
        sky = self._ramp.at(np.clip(0.74 - 0.95 * up, 0.2, 0.8))
        away = np.hypot(x - self._sun_x, y - (self._horizon - 0.1)).astype(np.float32)
        disc = smoothstep(0.5, -0.5, (away - 0.065) * canvas.short)
        glow = 0.5 * np.exp(-away * 5) + 0.25 * np.exp(-away * 14)
        return sky + tinted(disc + glow, self._ramp.at(0.95))

    def __call__(self, turn: float) -> Frame:
        canvas = self._canvas
        across, away = self._swell(turn)
        facing = 0.11 * away
        water = np.clip(0.36 + 0.2 * facing - self._far, 0, 1)
        water += self._haze
        glint = np.exp(-0.5 * (self._side + 0.35 * across) ** 2)
        glint *= smoothstep(0.1, 1.1, facing + 0.25)
        sea = self._ramp.at(canvas.enlarge(np.clip(water, 0, 1, out=water)))
        sea += tinted(canvas.enlarge(glint), self._sun)
        edge = sea[: self._edge]
        edge[...] = self._sky + (edge - self._sky) * self._mask
        frame = self._above.copy()
        frame[canvas.top :] = to_frame(sea)
        return frame


class _Swell:
    """The slopes of the water: a sum of waves, each of which only changes its phase.

    A sine at another phase is a sum of the sine and the cosine at rest, so both are worked out
    once, and a moment is one product of matrices.
    """

    def __init__(self, setting: Setting, canvas: Canvas, horizon: np.float32) -> None:
        rng = setting.rng
        self.distance: Floats = 0.16 / np.maximum(canvas.y - horizon, 0.004)
        across, away = canvas.x * self.distance * 3.2, self.distance * 3.2
        self._shape = canvas.rows, canvas.columns
        self._still = np.empty((2 * _WAVES, canvas.rows * canvas.columns), np.float32)
        self._ways, self._cycles = np.empty((2, _WAVES)), np.empty(_WAVES)
        for number in range(_WAVES):
            length = 0.9 * 0.72**number
            heading, phase = rng.normal(0, 0.5), np.float32(rng.random())
            kx, kz = np.float32(np.sin(heading) / length), np.float32(np.cos(heading) / length)
            # Waves finer than a pixel of the far water would only flicker.
            fine = np.hypot(kx, kz) * self.distance**2 * np.float32(22 / canvas.short)
            height = np.float32(length**0.85) / (1 + fine**2)
            angle = (kx * across + kz * away + phase) * np.float32(2 * np.pi)
            self._still[number] = (height * np.sin(angle)).ravel()
            self._still[_WAVES + number] = (height * np.cos(angle)).ravel()
            self._ways[:, number] = kx, kz
            self._cycles[number] = setting.cycles(0.42 / length**0.5)

    def __call__(self, turn: float) -> tuple[Floats, Floats]:
        """How steep the water is to the right and away from the viewer, (rows, columns)."""
        phase = 2 * np.pi * turn * self._cycles
        parts = np.concatenate([self._ways * np.cos(phase), self._ways * np.sin(phase)], axis=1)
        parts = parts.astype(np.float32)
        slopes = np.empty((2, self._still.shape[1]), np.float32)
        # Small products: of a large one BLAS makes threads, which cost ten times what they save.
        for start in range(0, self._still.shape[1], _BLOCK):
            block = slice(start, start + _BLOCK)
            np.matmul(parts, self._still[:, block], out=slopes[:, block])
        return slopes[0].reshape(self._shape), slopes[1].reshape(self._shape)
