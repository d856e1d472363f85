"""A sentence as tracks over time: pitch, formants, voicing and noise, frame by frame."""

from __future__ import annotations

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from studio_worker_tts.formant.sounds import SOUNDS, Sound
from studio_worker_tts.formant.spelling import phonemes_of, words_of
from studio_worker_tts.formant.voices import FormantVoice

FRAME_SECONDS = 0.005
_GLIDE_FRAMES = 7
"""Over how many frames one sound's formants move into the next one's."""

Track = NDArray[np.float32]


class Score(Struct, frozen=True):
    """Tracks of equal length, one value per :data:`FRAME_SECONDS`."""

    pitch: Track
    """Hertz."""
    formants: Track
    """(frames, 3), hertz."""
    voice: Track
    noise: Track
    noise_at: Track
    noise_width: Track


def score_of(sentence: str, voice: FormantVoice, speed: float) -> Score | None:
    """The tracks of one sentence; None when it has no words."""
    rows: list[tuple[float, ...]] = []
    for word in words_of(sentence):
        spoken = [SOUNDS[phoneme] for phoneme in phonemes_of(word)]
        for index, sound in enumerate(spoken):
            last = index == len(spoken) - 1
            rows += _frames(sound, (1.25 if last and sound.is_vowel else 1.0) / speed, voice)
        if spoken:
            rows += _pause(spoken[-1], 0.03 / speed)
    if not rows:
        return None
    table = np.array(rows, np.float32)
    table[:, :3] = _smoothed(table[:, :3], _GLIDE_FRAMES)
    table[:, 3:5] = _smoothed(table[:, 3:5], 3)
    return Score(
        pitch=_melody(len(table), sentence, voice),
        formants=table[:, :3] * np.float32(voice.formant_scale),
        voice=table[:, 3],
        noise=table[:, 4],
        noise_at=table[:, 5],
        noise_width=table[:, 6],
    )


def _frames(sound: Sound, stretch: float, voice: FormantVoice) -> list[tuple[float, ...]]:
    count = max(2, round(sound.length * stretch / FRAME_SECONDS))
    rows: list[tuple[float, ...]] = []
    if sound.closure:
        hum = 0.12 if sound.voice else 0.0
        silent: tuple[float, ...] = (*sound.start, hum * (not voice.whispers), 0.0, 0.0, 1000.0)
        rows += [silent] * max(2, round(sound.closure * stretch / FRAME_SECONDS))
    for step in range(count):
        part = step / (count - 1)
        formants = [a + (b - a) * part for a, b in zip(sound.start, sound.end, strict=True)]
        # A burst fades; a hiss stays.
        noise = sound.noise * ((1.0 - 0.7 * part) if sound.closure else 1.0)
        voiced, at = sound.voice, sound.noise_at
        if voice.whispers and noise < voiced:
            noise, voiced, at = 0.35 * voiced, 0.0, 0.0
        rows.append((*formants, 0.0 if voice.whispers else voiced, noise, at, sound.noise_width))
    return rows


def _pause(after: Sound, seconds: float) -> list[tuple[float, ...]]:
    return [(*after.end, 0.0, 0.0, 0.0, 1000.0)] * max(1, round(seconds / FRAME_SECONDS))


def _melody(frames: int, sentence: str, voice: FormantVoice) -> Track:
    time = np.linspace(0.0, 1.0, frames, dtype=np.float32)
    fall = 1.12 - 0.28 * time
    accents = 0.05 * np.sin(2 * np.pi * time * max(1.0, frames * FRAME_SECONDS / 0.55))
    lift = np.float32(0.35) * np.clip((time - 0.8) / 0.2, 0, 1)
    if not sentence.rstrip().endswith("?"):
        lift = np.zeros_like(lift)
    pitch: Track = ((fall + accents + lift) * voice.pitch).astype(np.float32)
    return pitch


def _smoothed(track: Track, width: int) -> Track:
    kernel = np.hanning(width + 2)[1:-1]
    kernel /= kernel.sum()
    padded = np.pad(track, ((width // 2, width - 1 - width // 2), (0, 0)), mode="edge")
    columns = [np.convolve(padded[:, c], kernel, mode="valid") for c in range(track.shape[1])]
    return np.stack(columns, axis=1).astype(np.float32)
