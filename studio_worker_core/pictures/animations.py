"""Animated WebP, GIF and PNG by their containers alone: size, frames, length; none decoded."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from msgspec import Struct

__all__ = ["Animation", "animated_webp", "animation_of"]

_LONGEST = 0xFFFFFF
_ALPHA, _ANIMATION = 0x10, 0x02


class Animation(Struct, frozen=True):
    """What an animation's container says."""

    width: int
    height: int
    frames: int
    milliseconds: int
    shortest: int
    """Milliseconds of the frame that is shown for the shortest time."""


def animated_webp(data: bytes, size: tuple[int, int], milliseconds: int) -> bytes:
    """An encoded WebP as an animation.

    An animation is returned as it is. A still picture, which the encoder makes of frames that
    are all the same, loses how long they are shown; it becomes an animation of one frame.
    """
    chunks = list(_chunks(data))
    if any(name == b"ANMF" for name, _ in chunks):
        return data
    frame = b"".join(_chunk(n, body) for n, body in chunks if n in (b"ALPH", b"VP8 ", b"VP8L"))
    clear = any(n == b"ALPH" or (n == b"VP8L" and body[4] & 0x10) for n, body in chunks)
    sides = struct.pack("<I", size[0] - 1)[:3] + struct.pack("<I", size[1] - 1)[:3]
    shown = struct.pack("<I", min(max(milliseconds, 1), _LONGEST))[:3]
    flags = struct.pack("<I", _ANIMATION | (_ALPHA if clear else 0))
    body = b"WEBP" + _chunk(b"VP8X", flags + sides)
    body += _chunk(b"ANIM", b"\xff\xff\xff\xff\0\0")
    body += _chunk(b"ANMF", b"\0" * 6 + sides + shown + b"\x02" + frame)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def animation_of(path: Path) -> Animation:
    """What the animation in a GIF, WebP or PNG file is.

    Raises:
        ValueError: it is none of them, is a still picture, or ends too early.
        OSError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            start = file.read(12)
            if start[:6] in (b"GIF87a", b"GIF89a"):
                file.seek(0)
                return _gif(file)
            if start[:4] == b"RIFF" and start[8:] == b"WEBP":
                return _webp(file, 8 + struct.unpack("<I", start[4:8])[0])
            if start[:8] == b"\x89PNG\r\n\x1a\n":
                file.seek(8)
                return _png(file)
    except (struct.error, IndexError):
        raise ValueError("it ends too early") from None
    raise ValueError("it is neither GIF, WebP nor PNG")


def _webp(file: BinaryIO, end: int) -> Animation:
    size, frames, shown, shortest = (0, 0), 0, 0, _LONGEST
    if file.seek(0, 2) < end:
        raise ValueError("it ends too early")
    file.seek(12)
    while file.tell() + 8 <= end:
        name, length = struct.unpack("<4sI", file.read(8))
        following = file.tell() + length + length % 2
        if name == b"VP8X":
            body = file.read(10)
            size = _whole(body[4:7]) + 1, _whole(body[7:10]) + 1
        elif name == b"ANMF":
            delay = _whole(file.read(16)[12:15])
            frames, shown, shortest = frames + 1, shown + delay, min(shortest, delay)
        file.seek(following)
    if not frames:
        raise ValueError("it is a still picture")
    return Animation(*size, frames, shown, shortest)


def _gif(file: BinaryIO) -> Animation:
    width, height, flags = struct.unpack("<6xHHB2x", file.read(13))
    file.seek(_colours(flags), 1)
    frames = shown = delay = 0
    shortest = _LONGEST
    while (mark := file.read(1)) != b";":
        if mark == b"!":
            if file.read(1) == b"\xf9":
                (delay,) = struct.unpack("<xxHxx", file.read(6))
            else:
                _skip_blocks(file)
        elif mark == b",":
            file.seek(_colours(file.read(9)[8]) + 1, 1)
            _skip_blocks(file)
            frames, shown, shortest = frames + 1, shown + delay, min(shortest, delay)
            delay = 0
        else:
            raise ValueError("it ends too early")
    return Animation(width, height, frames, shown * 10, shortest * 10)


def _png(file: BinaryIO) -> Animation:
    """Animated PNG 1.0: a chunk ``fcTL`` before each frame tells its delay as a fraction."""
    size, delays = (0, 0), []
    name = b""
    while name != b"IEND":
        length, name = struct.unpack(">I4s", file.read(8))
        following = file.tell() + length + 4
        if name == b"IHDR":
            size = struct.unpack(">II", file.read(8))
        elif name == b"fcTL":
            over, under = struct.unpack(">20xHH", file.read(24))
            delays.append(-(-over * 1000 // (under or 100)))
        file.seek(following)
    if not delays:
        raise ValueError("it is a still picture")
    return Animation(*size, len(delays), sum(delays), min(delays))


def _skip_blocks(file: BinaryIO) -> None:
    while length := file.read(1)[0]:
        file.seek(length, 1)


def _colours(flags: int) -> int:
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _whole(three: bytes) -> int:
    return int.from_bytes(three, "little")


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 12
    while at + 8 <= len(data):
        name, length = struct.unpack_from("<4sI", data, at)
        yield name, data[at + 8 : at + 8 + length]
        at += 8 + length + length % 2


def _chunk(name: bytes, body: bytes) -> bytes:
    return name + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)
