"""WAV files: where the samples are, and how many."""

from __future__ import annotations

import mmap
import struct
import sys
from array import array
from pathlib import Path

from msgspec import Struct

from studio_worker_core.sound_length.faults import BrokenSound, checked_rate

MAGIC = (b"RIFF", b"RF64", b"RIFX")
_LONGEST_CLAIM = 0x7FFF_F000
"""More than is there, and this or more, or none: the writer did not know the length."""
_MOST_CHUNKS = 10_000
_PART = 1 << 20
_EXTENSIBLE, _MPEG = 0xFFFE, 0x55
_BY_SAMPLE = (1, 3, 6, 7)
"""PCM, floats, A-law, µ-law."""
_BY_BLOCK = (2, 0x11)
"""ADPCM of Microsoft and of IMA."""


class Wave(Struct, frozen=True):
    """What a WAV file holds. Lengths in bytes unless said."""

    tag: int
    channels: int
    rate: int
    bits: int
    big_endian: bool
    start: int
    """Where the samples begin."""
    size: int
    """Of the samples that are there."""
    claimed: int | None
    """What the header says of ``size``; None where it says that it does not know."""
    seconds: float | None

    @property
    def is_mpeg(self) -> bool:
        """MP3 in a WAV file."""
        return self.tag == _MPEG

    @property
    def is_sixteen_bit(self) -> bool:
        """The plainest samples of all."""
        return self.tag == 1 and self.bits == 16


def read_wave(path: Path) -> Wave:
    """The layout of a WAV file.

    Raises:
        BrokenSound: it is none, or does not say what its samples are.
        OSError: it cannot be read.
    """
    if path.stat().st_size == 0:
        raise BrokenSound("the file is empty")
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return wave_in(data)


def peak_of(path: Path, wave: Wave) -> float | None:
    """The loudest sample of 16-bit PCM, 0 to 1; None for other samples."""
    if not wave.is_sixteen_bit:
        return None
    loudest = 0
    with path.open("rb") as file:
        file.seek(wave.start)
        left = wave.size - wave.size % 2
        while left and (part := file.read(min(left, _PART))):
            left -= len(part)
            samples = array("h", part[: len(part) // 2 * 2])
            if wave.big_endian != (sys.byteorder == "big"):
                samples.byteswap()
            loudest = max(loudest, *(max(samples), -min(samples))) if samples else loudest
    return loudest / 32768


def wave_in(data: mmap.mmap) -> Wave:
    """As :func:`read_wave`, of bytes."""
    if data[:4] not in MAGIC or data[8:12] != b"WAVE":
        raise BrokenSound("it is no WAV file")
    order = ">" if data[:4] == b"RIFX" else "<"
    form = b""
    long_size: int | None = None
    position = 12
    for _ in range(_MOST_CHUNKS):
        if position + 8 > len(data):
            break
        name, size = struct.unpack(f"{order}4sI", data[position : position + 8])
        position += 8
        if name == b"fmt ":
            form = data[position : position + min(size, 64)]
        elif name == b"ds64" and size >= 16:
            long_size = _number(data[position + 8 : position + 16], order)
        elif name == b"data":
            return _wave(data, order, form, position, long_size or size)
        position += size + size % 2
    raise BrokenSound("the WAV file ends before its samples")


def _wave(data: mmap.mmap, order: str, form: bytes, start: int, claim: int) -> Wave:
    if len(form) < 16:
        raise BrokenSound("the WAV file does not say what its samples are")
    tag, channels, rate, pace, block, bits = struct.unpack(f"{order}HHIIHH", form[:16])
    if tag == _EXTENSIBLE and len(form) >= 26:
        (tag,) = struct.unpack(f"{order}H", form[24:26])
    there = max(len(data) - start, 0)
    believed = claim <= there and _is_followed_by_chunks(data, order, start + claim)
    size = claim if believed else there
    unknown = not believed and (claim == 0 or claim >= _LONGEST_CLAIM)
    return Wave(
        tag=tag,
        channels=channels,
        rate=checked_rate(rate),
        bits=bits,
        big_endian=order == ">",
        start=start,
        size=size,
        claimed=None if unknown else claim,
        seconds=_seconds(order, form, tag, (channels, rate, pace, block, bits), size),
    )


def _is_followed_by_chunks(data: mmap.mmap, order: str, position: int) -> bool:
    """Whether what stands behind the claimed samples is chunks to the end, and no samples."""
    if len(data) - position < 8:
        return True
    position += position % 2
    for _ in range(_MOST_CHUNKS):
        if len(data) - position < 8:
            return position <= len(data) + 1
        name, size = struct.unpack(f"{order}4sI", data[position : position + 8])
        if not all(0x20 <= letter < 0x7F for letter in name):
            return False
        position += 8 + size + size % 2
    return False


def _seconds(
    order: str, form: bytes, tag: int, numbers: tuple[int, int, int, int, int], size: int
) -> float | None:
    channels, rate, pace, block, bits = numbers
    if tag in _BY_SAMPLE:
        frame = channels * ((bits + 7) // 8)
        if not frame:
            raise BrokenSound("the WAV file says that its samples have no size")
        return size // frame / rate
    if tag in _BY_BLOCK and block and len(form) >= 20:
        samples = _number(form[18:20], order)
        # A block holds two samples a byte, at most, in each channel.
        return size // block * min(samples, 2 * block) / rate
    return size / pace if pace else None


def _number(data: bytes, order: str) -> int:
    return int.from_bytes(data, "big" if order == ">" else "little")
