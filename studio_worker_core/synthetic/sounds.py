"""Speech-like tones: one short syllable for each letter, in plain Python."""

from __future__ import annotations

import math
import sys
import wave
from array import array
from collections.abc import Callable
from pathlib import Path

from studio_worker_core import sound_length
from studio_worker_core.plugin import InvalidTask
from studio_worker_core.sound_length import BrokenSound

RATE = 16_000
"""Samples a second."""

_SYLLABLE = 0.07
_PAUSES = {" ": 0.06, "\n": 0.3, ",": 0.2, ";": 0.2, ".": 0.3, "!": 0.3, "?": 0.3, ":": 0.2}


def speak(
    text: str, voice: str, speed: float, path: Path, on_done: Callable[[float], None]
) -> None:
    """Write ``text`` as mono 16-bit WAV; ``speed`` is a factor, ``on_done`` hears 0 to 1."""
    pitch = 100.0 + sum(voice.encode()) % 100
    syllables: dict[str, bytes] = {}
    step = max(len(text) // 20, 1)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        for number, letter in enumerate(text.lower()):
            sound = syllables.get(letter)
            if sound is None:
                sound = syllables.setdefault(letter, _sound(letter, pitch, speed))
            file.writeframesraw(sound)
            if number % step == 0:
                on_done(number / len(text))


def sound_seconds(path: Path) -> float:
    """Length of an audio file in seconds, counted from its data; guessed from its size when
    it is of a type whose data is not understood.

    Raises:
        InvalidTask: its first bytes promise a sound that is not there.
    """
    try:
        seconds = sound_length.seconds_of(path)
    except BrokenSound as error:
        raise InvalidTask(f"the audio is broken: {error}") from error
    return path.stat().st_size / 16_000 if seconds is None else seconds  # about 128 kbit/s


def _sound(letter: str, pitch: float, speed: float) -> bytes:
    if letter in _PAUSES or not letter.isprintable():
        return bytes(2 * int(RATE * _PAUSES.get(letter, 0.1) / speed))
    count = max(int(RATE * _SYLLABLE / speed), 2)
    base = pitch * (1 + (ord(letter) % 7) / 14)
    formant = base * (3 + ord(letter) % 5)
    samples = array("h")
    for number in range(count):
        moment = number / RATE
        loudness = math.sin(math.pi * number / count) * 9000
        samples.append(
            int(
                loudness * math.sin(2 * math.pi * base * moment)
                + loudness * 0.6 * math.sin(2 * math.pi * formant * moment)
            )
        )
    if sys.byteorder == "big":
        samples.byteswap()
    return samples.tobytes()
