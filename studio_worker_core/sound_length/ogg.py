"""Ogg files: Opus by its packets, Vorbis and others by positions that the packets bear out."""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator

from msgspec import Struct

from studio_worker_core.sound_length.faults import MOST_FRAMES, BrokenSound, checked_rate

_OPUS_RATE = 48_000
_LONGEST_OPUS_PACKET = 5760
_LONGEST_PACKET = 65_536
"""Samples of a packet of FLAC or Speex, at most."""


class _Page(Struct, frozen=True):
    begins: bool
    position: int
    serial: int
    lacing: bytes
    body: bytes


class _Stream(Struct):
    """One logical stream; lengths in samples."""

    rate: int
    is_opus: bool
    longest: int
    skipped: int = 0
    headers: int = 2
    counted: int = 0
    position: int = 0
    continued: bool = False

    def seconds(self) -> float:
        total = self.counted
        if self.is_opus and 0 < self.position < total:
            total = self.position  # the last packet is cut at its end
        return max(total - self.skipped, 0) / self.rate


def seconds(data: mmap.mmap) -> float:
    """Length of all streams that follow one another.

    Raises:
        BrokenSound: no stream of sound in it.
    """
    streams: dict[int, _Stream] = {}
    done = 0.0
    for page in _pages(data):
        if page.begins:
            old = streams.pop(page.serial, None)
            done += old.seconds() if old is not None else 0.0
            found = _opened(page.body)
            if found is not None:
                streams[page.serial] = found
        elif page.serial in streams:
            _count(streams[page.serial], page)
    if not streams and not done:
        raise BrokenSound("the Ogg file has no sound that is known here")
    return done + sum(stream.seconds() for stream in streams.values())


def _pages(data: mmap.mmap) -> Iterator[_Page]:
    at = 0
    for _ in range(MOST_FRAMES):
        at = data.find(b"OggS", at)
        if at < 0 or at + 27 > len(data):
            return
        kind, position, serial = struct.unpack("<BqI", data[at + 5 : at + 18])
        count = data[at + 26]
        lacing = data[at + 27 : at + 27 + count]
        start = at + 27 + count
        end = start + sum(lacing)
        if end > len(data):
            return  # cut off
        yield _Page(bool(kind & 2), position, serial, lacing, data[start:end])
        at = end
    raise BrokenSound("the Ogg file has too many pages")


def _opened(head: bytes) -> _Stream | None:
    if head.startswith(b"OpusHead") and len(head) >= 19:
        (skip,) = struct.unpack("<H", head[10:12])
        return _Stream(_OPUS_RATE, True, _LONGEST_OPUS_PACKET, skipped=skip, headers=1)
    if head.startswith(b"\x01vorbis") and len(head) >= 29:
        (rate,) = struct.unpack("<I", head[12:16])
        return _Stream(checked_rate(rate), False, 1 << (head[28] >> 4) >> 1, headers=2)
    if head.startswith(b"\x7fFLAC") and len(head) >= 31:
        rate = int.from_bytes(head[27:30], "big") >> 4
        return _Stream(checked_rate(rate), False, _LONGEST_PACKET, headers=0)
    if head.startswith(b"Speex   ") and len(head) >= 40:
        (rate,) = struct.unpack("<I", head[36:40])
        return _Stream(checked_rate(rate), False, _LONGEST_PACKET, headers=1)
    return None


def _count(stream: _Stream, page: _Page) -> None:
    at = 0
    ended = 0
    possible = 0
    for size in page.lacing:
        if not stream.continued:
            if stream.headers:
                stream.headers -= 1
            elif stream.is_opus:
                possible += _opus_samples(page.body[at : at + 2])
            ended += 1
        at += size
        stream.continued = size == 255
    if stream.is_opus:
        stream.counted += possible
    elif page.position > stream.position:
        # A position further than the packets reach is no position.
        stream.counted += min(page.position - stream.position, ended * stream.longest)
    stream.position = max(stream.position, page.position)


def _opus_samples(head: bytes) -> int:
    """Samples at 48 kHz of a packet, by its first bytes (RFC 6716, section 3.1)."""
    if not head:
        return 0
    config = head[0] >> 3
    if config < 12:
        frame = (480, 960, 1920, 2880)[config % 4]
    elif config < 16:
        frame = (480, 960)[config % 2]
    else:
        frame = (120, 240, 480, 960)[config % 4]
    code = head[0] & 3
    frames = (head[1] & 63 if len(head) > 1 else 0) if code == 3 else (1, 2, 2)[code]
    return min(frame * frames, _LONGEST_OPUS_PACKET)
