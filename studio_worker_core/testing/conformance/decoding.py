"""Decoding what an engine wrote, completely, with whatever is installed for its type."""

from __future__ import annotations

import math
import sys
import wave
from array import array
from collections.abc import Callable
from pathlib import Path
from typing import Any

from msgspec import Struct

from studio_worker_core.media_types import mime_for, reason_against

__all__ = ["Facts", "Undecodable", "decode"]

_PILLOW = frozenset({"png", "apng", "jpg", "jpeg", "webp", "gif", "bmp", "tif", "tiff", "avif"})


class Undecodable(Exception):
    """The file is not what its extension says, or is damaged."""


class Facts(Struct, frozen=True):
    """What was found in a file. What a type does not have, or nothing here can tell, is None."""

    decoder: str
    size: tuple[int, int] | None = None
    """Width and height in pixels."""
    seconds: float | None = None
    frames: int | None = None
    peak: float | None = None
    """Loudest sample, 0 to 1."""

    def __str__(self) -> str:
        parts = [
            f"{self.size[0]}×{self.size[1]}" if self.size else "",
            f"{self.seconds:.2f} s" if self.seconds is not None else "",
            f"{self.frames} frames" if self.frames is not None and self.frames > 1 else "",
        ]
        return ", ".join(part for part in parts if part) or self.decoder


def decode(path: Path, ext: str) -> Facts:
    """Decode all of ``path``.

    Pillow takes pictures, the standard library and soundfile sounds, PyAV clips; without
    them only the first bytes are looked at.

    Raises:
        Undecodable: its bytes are of another type than ``ext``, or do not decode.
    """
    reason = reason_against(path, ext)
    if reason is not None:
        raise Undecodable(reason)
    try:
        return _decoder(ext)(path)
    except Undecodable:
        raise
    except Exception as error:  # decoders raise whatever they like about bytes they dislike
        raise Undecodable(f"{path.name} does not decode: {error}") from error


def _decoder(ext: str) -> Callable[[Path], Facts]:
    if ext in _PILLOW:
        return _picture
    family = mime_for(ext).partition("/")[0]
    if ext == "wav":
        return _wav
    if family == "audio":
        return _sound if _has("soundfile") else _av_sound if _has("av") else _first_bytes
    if family == "video":
        return _clip if _has("av") else _first_bytes
    return _first_bytes


def _has(module: str) -> bool:
    from importlib.util import find_spec

    return find_spec(module) is not None


def _first_bytes(_path: Path) -> Facts:
    return Facts("first bytes only")


def _picture(path: Path) -> Facts:
    from PIL import Image

    with Image.open(path) as image:
        frames = int(getattr(image, "n_frames", 1))
        milliseconds = 0.0
        for index in range(frames):
            image.seek(index)
            image.load()
            milliseconds += float(image.info.get("duration", 0) or 0)
        seconds = milliseconds / 1000 if frames > 1 else None
        return Facts("Pillow", size=image.size, frames=frames, seconds=seconds)


def _wav(path: Path) -> Facts:
    try:
        with wave.open(str(path), "rb") as sound:
            frames, rate, width = sound.getnframes(), sound.getframerate(), sound.getsampwidth()
            data = sound.readframes(frames)
            size = frames * width * sound.getnchannels()
    except wave.Error:
        if _has("soundfile"):  # a WAV of floats is one all the same
            return _sound(path)
        raise
    if len(data) != size:
        raise Undecodable(f"{path.name} is cut off: {len(data)} bytes of {size}")
    return Facts("wave", seconds=frames / rate, peak=_peak(data) if width == 2 else None)


def _peak(data: bytes) -> float:
    samples = array("h", data)
    if sys.byteorder == "big":
        samples.byteswap()
    return max(max(samples, default=0), -min(samples, default=0)) / 32768


def _sound(path: Path) -> Facts:
    soundfile: Any = __import__("soundfile")
    samples, rate = soundfile.read(str(path), always_2d=True)
    peak = float(abs(samples).max()) if len(samples) else 0.0
    if not math.isfinite(peak):
        raise Undecodable(f"{path.name} has samples that are no numbers")
    return Facts("soundfile", seconds=len(samples) / rate, peak=peak)


def _av_sound(path: Path) -> Facts:
    av: Any = __import__("av")
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        samples = sum(frame.samples for frame in container.decode(stream))
        return Facts("PyAV", seconds=samples / stream.rate)


def _clip(path: Path) -> Facts:
    av: Any = __import__("av")
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        frames = sum(1 for _ in container.decode(stream))
        rate = float(stream.average_rate or 0)
        size = (int(stream.width), int(stream.height))
        return Facts("PyAV", size=size, frames=frames, seconds=frames / rate if rate else None)
