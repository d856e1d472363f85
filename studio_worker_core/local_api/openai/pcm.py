"""``pcm``: a WAV as bare samples, 24 kHz, 16 bits, little-endian, one channel."""

from __future__ import annotations

import sys
import wave
from array import array

from msgspec.structs import replace

from studio_worker_core.errors import EngineFailed
from studio_worker_core.local_api.openai.speech import PCM_RATE
from studio_worker_core.local_api.work import Made


def pcm_of(made: Made) -> Made:
    """The same sound without its header. Blocks for about a second a minute of sound.

    Raises:
        EngineFailed: the file is no WAV of 16 bits.
    """
    assert made.path is not None
    target = made.path.with_suffix(".pcm")
    try:
        with wave.open(str(made.path), "rb") as sound:
            if sound.getsampwidth() != 2:
                raise EngineFailed("the engine's WAV is not of 16 bits")
            channels, rate = sound.getnchannels(), sound.getframerate()
            samples = array("h", sound.readframes(sound.getnframes()))
    except (wave.Error, EOFError, ValueError) as error:
        made.release()
        raise EngineFailed(f"the engine's WAV cannot be read: {error}") from error
    except EngineFailed:
        made.release()
        raise
    if sys.byteorder == "big":
        samples.byteswap()
    samples = resampled(samples[::channels], rate, PCM_RATE)
    if sys.byteorder == "big":
        samples.byteswap()
    target.write_bytes(samples.tobytes())
    return replace(made, path=target, ext="pcm", media_type="audio/pcm")


def resampled(samples: array[int], rate: int, wanted: int) -> array[int]:
    """The samples at another rate, by straight lines between neighbours."""
    if rate == wanted or len(samples) < 2:
        return samples
    count = len(samples) * wanted // rate
    step = rate / wanted
    last = len(samples) - 2
    found = array("h")
    for number in range(count):
        at = number * step
        left = min(int(at), last)
        found.append(round(samples[left] + (samples[left + 1] - samples[left]) * min(at - left, 1)))
    return found
