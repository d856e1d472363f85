"""Changing the sample rate of a stream, for formats that take only some rates."""

from __future__ import annotations

from math import gcd

import numpy as np
from numpy.typing import NDArray

_HALF = 16
"""Input samples on each side that make one output sample."""


class Resampler:
    """A polyphase windowed-sinc resampler that is fed piece by piece; for raising the rate."""

    def __init__(self, rate_in: int, rate_out: int) -> None:
        shared = gcd(rate_in, rate_out)
        self._up, self._down = rate_out // shared, rate_in // shared
        taps = np.arange(-_HALF + 1, _HALF + 1)
        distance = (np.arange(self._up) / self._up)[:, None] - taps[None, :]
        window = 0.5 + 0.5 * np.cos(np.pi * np.clip(distance / _HALF, -1, 1))
        weights = np.sinc(distance) * window
        self._weights = (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
        self._taps = taps
        self._held = np.zeros(_HALF, np.float32)
        self._next = _HALF * self._up
        """Of the next output sample, in steps of 1/up input samples into what is held."""

    def feed(self, samples: NDArray[np.int16]) -> NDArray[np.int16]:
        """The output that the input so far decides."""
        self._held = np.concatenate([self._held, samples.astype(np.float32)])
        last = (len(self._held) - _HALF - 1) * self._up
        count = max(0, (last - self._next) // self._down + 1)
        steps = self._next + self._down * np.arange(count)
        base, phase = np.divmod(steps, self._up)
        gathered = self._held[base[:, None] + self._taps[None, :]]
        values = np.einsum("ij,ij->i", gathered, self._weights[phase])
        self._next += self._down * count
        done = self._next // self._up - _HALF
        self._held = self._held[done:]
        self._next -= done * self._up
        rounded: NDArray[np.int16] = np.clip(np.rint(values), -32768, 32767).astype(np.int16)
        return rounded

    def finish(self) -> NDArray[np.int16]:
        """The rest of the output."""
        return self.feed(np.zeros(_HALF, np.int16))
