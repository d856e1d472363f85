"""Tracks to samples: harmonics of the pitch weighed by the formants, and shaped noise."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from studio_worker_tts.formant.score import FRAME_SECONDS, Score

SAMPLE_RATE = 16_000
_HOP = round(SAMPLE_RATE * FRAME_SECONDS)
_NYQUIST = SAMPLE_RATE / 2
_BANDWIDTHS = np.array([70.0, 100.0, 150.0], np.float32)
_UPPER = ((3500.0, 250.0), (4500.0, 350.0))
"""The fourth and fifth formant and their widths: the same in every sound."""
_FFT = 4 * _HOP
_LOUDNESS = 0.22

Floats = NDArray[np.float32]


def render(score: Score, seed: int) -> NDArray[np.int16]:
    """16-bit samples at :data:`SAMPLE_RATE`; ``seed`` decides the noise."""
    sound = _voiced(score) + _noise(score, np.random.default_rng(seed))
    fade = min(len(sound), _HOP)
    sound[-fade:] *= np.linspace(1, 0, fade, dtype=np.float32)
    peak = float(np.abs(sound).max(initial=1e-6))
    level = min(_LOUDNESS, 0.89 / peak)
    samples: NDArray[np.int16] = np.rint(sound * level * 32767).astype(np.int16)
    return samples


def _voiced(score: Score) -> Floats:
    frames = len(score.pitch)
    samples = frames * _HOP
    at = np.arange(samples, dtype=np.float32) / _HOP
    pitch = np.interp(at, np.arange(frames), score.pitch)
    phase = np.cumsum(pitch / SAMPLE_RATE)
    phase -= np.floor(phase)
    out = np.zeros(samples, np.float32)
    for harmonic in range(1, int(_NYQUIST / float(score.pitch.min())) + 1):
        frequency = score.pitch * np.float32(harmonic)
        level = _response(frequency, score.formants) * score.voice
        # A falling source, and nothing that would fold back at the top.
        level = level * (1.0 / harmonic) * (frequency < _NYQUIST * 0.97)
        if not level.any():
            continue
        wave = np.sin((2 * np.pi * harmonic) * phase).astype(np.float32)
        out += wave * np.interp(at, np.arange(frames), level).astype(np.float32)
    return out


def _noise(score: Score, rng: np.random.Generator) -> Floats:
    frames = len(score.noise)
    out = np.zeros(frames * _HOP + _FFT, np.float32)
    window = np.hanning(_FFT).astype(np.float32)
    bins = np.fft.rfftfreq(_FFT, 1 / SAMPLE_RATE).astype(np.float32)
    for index in np.flatnonzero(score.noise > 1e-4):
        at = score.noise_at[index]
        if at > 0:
            shape = np.exp(-(((bins - at) / score.noise_width[index]) ** 2))
        else:
            shape = _response(bins, score.formants[index][None, :]) * 0.5
        spectrum = shape * np.exp(2j * np.pi * rng.random(len(bins)))
        grain = np.fft.irfft(spectrum, _FFT).astype(np.float32)
        grain *= window * (score.noise[index] / max(float(np.abs(grain).max()), 1e-6))
        start = index * _HOP
        out[start : start + _FFT] += grain
    return out[_FFT // 2 : _FFT // 2 + frames * _HOP]


def _response(frequency: Floats, formants: Floats) -> Floats:
    """How loud the vocal tract passes ``frequency``, 1 far below the first formant."""
    gain = np.ones_like(frequency)
    for index, width in enumerate(_BANDWIDTHS):
        centre = formants[:, index]
        gain = gain * _resonance(frequency / centre, width / centre)
    for fixed, width in _UPPER:
        gain = gain * _resonance(frequency / fixed, width / fixed)
    return np.minimum(gain, np.float32(12.0)).astype(np.float32)


def _resonance(ratio: Floats, damping: Floats | float) -> Floats:
    gain = 1 / np.sqrt((1 - ratio**2) ** 2 + (ratio * damping) ** 2)
    return np.asarray(gain, np.float32)
