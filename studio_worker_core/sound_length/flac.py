"""FLAC files, frame by frame (RFC 9639)."""

from __future__ import annotations

import mmap

from studio_worker_core.sound_length.faults import (
    MOST_FRAMES,
    MOST_TRIES,
    BrokenSound,
    checked_rate,
)

_SYNCS = (b"\xff\xf8", b"\xff\xf9")
_SHORTEST_FRAME = 10
_LONGEST_HEAD = 16


def seconds(data: mmap.mmap, start: int) -> float:
    """Length of the frames behind the metadata; ``start`` is where ``fLaC`` stands.

    Raises:
        BrokenSound: there are none, or no rate.
    """
    info = data[start + 8 : start + 8 + 34]
    if len(info) < 34 or data[start + 4] & 0x7F != 0:
        raise BrokenSound("the FLAC file ends before its sound")
    rate = checked_rate(int.from_bytes(info[10:13], "big") >> 4)
    at = _after_metadata(data, start + 4)
    sync = next((one for one in _SYNCS if data[at : at + 2] == one), None)
    first = _head(data[at : at + _LONGEST_HEAD])
    if sync is None or first is None:
        raise BrokenSound("the FLAC file has no frames")
    by_sample = sync == _SYNCS[1]
    number, size = first
    total = size
    tries = MOST_TRIES
    for _ in range(MOST_FRAMES):
        wanted = number + (size if by_sample else 1)
        at = data.find(sync, at + _SHORTEST_FRAME)
        while at >= 0 and tries:
            head = _head(data[at : at + _LONGEST_HEAD])
            if head is not None and head[0] == wanted:
                break
            at = data.find(sync, at + 1)
            tries -= 1
        if at < 0 or not tries:
            return total / rate
        number, size = wanted, head[1] if head is not None else 0
        total += size
    raise BrokenSound("the FLAC file has too many frames")


def _after_metadata(data: mmap.mmap, at: int) -> int:
    while at + 4 <= len(data):
        last, size = data[at] & 0x80, int.from_bytes(data[at + 1 : at + 4], "big")
        at += 4 + size
        if last:
            break
    return at


def _head(head: bytes) -> tuple[int, int] | None:
    """Number (of the frame, or of its first sample) and samples; None when it is no head."""
    if len(head) < 6:
        return None
    size_code, rate_code = head[2] >> 4, head[2] & 15
    number, at = _number(head, 4)
    if number is None or size_code == 0 or rate_code == 15:
        return None
    if size_code in (6, 7):
        width = size_code - 5
        size = int.from_bytes(head[at : at + width], "big") + 1
        at += width
    elif size_code == 1:
        size = 192
    else:
        size = 576 << size_code - 2 if size_code < 6 else 256 << size_code - 8
    at += {12: 1, 13: 2, 14: 2}.get(rate_code, 0)
    if at >= len(head) or _check(head[:at]) != head[at]:
        return None
    return number, size


def _number(head: bytes, at: int) -> tuple[int | None, int]:
    """A number coded as UTF-8 codes characters, up to 36 bits; and where it ends."""
    first = head[at]
    length = 8 - (first ^ 0xFF).bit_length()
    if length == 0:
        return first, at + 1
    rest = head[at + 1 : at + length]
    if length in (1, 8) or len(rest) < length - 1 or any(byte >> 6 != 2 for byte in rest):
        return None, at
    value = first & (0x7F >> length)
    for byte in rest:
        value = value << 6 | byte & 0x3F
    return value, at + length


def _check(data: bytes) -> int:
    """CRC-8 with the polynomial x⁸ + x² + x + 1."""
    value = 0
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = (value << 1 ^ 7) & 0xFF if value & 0x80 else value << 1
    return value
