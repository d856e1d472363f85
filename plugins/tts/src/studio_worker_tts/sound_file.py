"""Writing speech to a file piece by piece, in the format its extension says."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import soundfile
from numpy.typing import NDArray

from studio_worker_tts.resampling import Resampler

_FORMATS = {
    "wav": ("WAV", "PCM_16"),
    "mp3": ("MP3", "MPEG_LAYER_III"),
    "ogg": ("OGG", "VORBIS"),
    "flac": ("FLAC", "PCM_16"),
    "opus": ("OGG", "OPUS"),
}

_OPUS_RATES = (8000, 12000, 16000, 24000, 48000)
_CHUNK = 65_536
"""Frames given to the encoder at once: Vorbis in one shot crashes past about two minutes."""


def extension_for(wish: str) -> str:
    """The extension answered for a wished one: itself, or the nearest format we write."""
    wanted = wish.lower()
    nearest = {"wave": "wav", "oga": "ogg", "mpeg": "mp3", "weba": "opus", "m4a": "mp3"}
    return wanted if wanted in _FORMATS else nearest.get(wanted, "wav")


class SoundFile:
    """A mono sound file open for writing; a context manager. Nothing long is held in memory."""

    def __init__(self, path: Path, ext: str, sample_rate: int) -> None:
        kind, subtype = _FORMATS[ext]
        self._rate = sample_rate
        rate = sample_rate
        if ext == "opus" and sample_rate not in _OPUS_RATES:
            rate = next(r for r in _OPUS_RATES if r >= min(sample_rate, _OPUS_RATES[-1]))
        self._resampler = Resampler(sample_rate, rate) if rate != sample_rate else None
        self._file = soundfile.SoundFile(
            str(path), "w", samplerate=rate, channels=1, format=kind, subtype=subtype
        )
        self.seconds = 0.0
        """Length written so far."""

    def write(self, samples: NDArray[np.int16]) -> None:
        """Add 16-bit samples at the rate given at the start."""
        self.seconds += len(samples) / self._rate
        self._put(samples if self._resampler is None else self._resampler.feed(samples))

    def silence(self, seconds: float) -> None:
        """Add a pause."""
        self.write(np.zeros(round(seconds * self._rate), np.int16))

    def _put(self, samples: NDArray[np.int16]) -> None:
        for start in range(0, len(samples), _CHUNK):
            self._file.write(samples[start : start + _CHUNK])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None and self._resampler is not None:
                self._put(self._resampler.finish())
        finally:
            self._file.close()
