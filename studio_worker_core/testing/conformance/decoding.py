"""Decoding what an engine wrote, completely, with whatever is installed for its type."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from studio_worker_core.media_types import reason_against
from studio_worker_core.sound_length import peak_of, read_wave, seconds_of
from studio_worker_core.testing.apart import SECONDS, GaveUp, Raised, apart
from studio_worker_core.wire.media_types import mime_for

_PILLOW = frozenset({"png", "apng", "jpg", "jpeg", "webp", "gif", "bmp", "tif", "tiff", "avif"})
_MOST_FRAMES = 20_000
_BLOCK = 65_536
"""Samples decoded at once."""


class Undecodable(Exception):
    """The file is not what its extension says, or is damaged."""


class Facts(Struct, frozen=True):
    """What was found in a file. What a type does not have, or nothing here can tell, is None."""

    decoder: str
    size: tuple[int, int] | None = None
    """Width and height in pixels."""
    seconds: float | None = None
    frames: int | None = None
    rate: int | None = None
    """Samples a second of a sound."""
    peak: float | None = None
    """Loudest sample, 0 to 1."""
    is_flat: bool = False
    """Whether a picture, or the last frame of an animation, has one colour only."""

    def __str__(self) -> str:
        parts = [
            f"{self.size[0]}×{self.size[1]}" if self.size else "",
            f"{self.seconds:.2f} s" if self.seconds is not None else "",
            f"{self.frames} frames" if self.frames is not None and self.frames > 1 else "",
        ]
        return ", ".join(part for part in parts if part) or self.decoder


def decode(path: Path, ext: str, *, seconds: float = SECONDS) -> Facts:
    """Decode all of ``path``, in a process of its own that has ``seconds`` for it.

    Pillow takes pictures, soundfile sounds other than plain WAV, PyAV clips; without them only
    the first bytes are looked at. Lengths of sounds are counted from their data.

    Raises:
        Undecodable: its bytes are of another type than ``ext``, or do not decode within the
            bounds of :mod:`studio_worker_core.testing.apart`.
    """
    try:
        facts = apart(f"{__name__}:decode_here", str(path.absolute()), ext, seconds=seconds)
    except Raised as raised:
        raise Undecodable(str(raised)) from None
    except GaveUp as error:
        raise Undecodable(f"{path.name} cannot be decoded: {error}") from None
    return msgspec.convert(facts, Facts)


def decode_here(path: str, ext: str) -> Any:
    """:func:`decode` in this process, as JSON data."""
    file = Path(path)
    reason = reason_against(file, ext)
    if reason is not None:
        raise Undecodable(reason)
    try:
        return msgspec.to_builtins(_decoder(ext)(file))
    except (Undecodable, MemoryError):
        raise
    except Exception as error:  # decoders raise whatever they like about bytes they dislike
        raise Undecodable(f"{file.name} does not decode: {error}") from error


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
    from PIL import Image, ImageSequence

    with Image.open(path) as image:
        frames, milliseconds = 0, 0.0
        # Not n_frames, which walks through however many a hostile file has.
        for frame in ImageSequence.Iterator(image):
            frame.load()
            frames += 1
            milliseconds += float(image.info.get("duration", 0) or 0)
            if frames > _MOST_FRAMES:
                raise Undecodable(f"{path.name} has more than {_MOST_FRAMES} frames")
        seconds = milliseconds / 1000 if frames > 1 else None
        darkest, lightest = image.convert("L").getextrema()
        flat = darkest == lightest
        return Facts("Pillow", size=image.size, frames=frames, seconds=seconds, is_flat=flat)


def _wav(path: Path) -> Facts:
    wave = read_wave(path)
    if wave.claimed is not None and wave.claimed > wave.size:
        raise Undecodable(f"{path.name} is cut off: {wave.size} bytes of {wave.claimed}")
    if wave.claimed is not None and wave.claimed < wave.size:
        raise Undecodable(
            f"the header of {path.name} tells of {wave.claimed} bytes of sound; it has {wave.size}"
        )
    if not wave.is_sixteen_bit and _has("soundfile"):
        return _sound(path)
    return Facts("samples", seconds=wave.seconds, rate=wave.rate, peak=peak_of(path, wave))


def _sound(path: Path) -> Facts:
    soundfile: Any = __import__("soundfile")
    peak, samples = 0.0, 0
    # Block by block: how many there are is only a claim of the header.
    with soundfile.SoundFile(str(path)) as file:
        while len(block := file.read(_BLOCK, always_2d=True)):
            samples += len(block)
            peak = max(peak, float(abs(block).max()))
            if not math.isfinite(float(block.sum())):
                raise Undecodable(f"{path.name} has samples that are no numbers")
        rate = int(file.samplerate)
    measured = seconds_of(path)
    seconds = samples / rate if measured is None else measured
    return Facts("soundfile", seconds=seconds, rate=rate, peak=peak)


def _av_sound(path: Path) -> Facts:
    av: Any = __import__("av")
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        samples = sum(frame.samples for frame in container.decode(stream))
        return Facts("PyAV", seconds=samples / stream.rate, rate=int(stream.rate))


def _clip(path: Path) -> Facts:
    av: Any = __import__("av")
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        frames = sum(1 for _ in container.decode(stream))
        rate = float(stream.average_rate or 0)
        size = (int(stream.width), int(stream.height))
        return Facts("PyAV", size=size, frames=frames, seconds=frames / rate if rate else None)
