"""MP3 and AAC (ADTS), frame by frame."""

from __future__ import annotations

import mmap

from msgspec import Struct

from studio_worker_core.sound_length.faults import MOST_FRAMES, MOST_TRIES, BrokenSound

_RATES = (44_100, 48_000, 32_000)
_AAC_RATES = (
    *(96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000),
    *(11_025, 8000, 7350),
)
_KILOBITS = {
    (1, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (1, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (1, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (2, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (2, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
"""By (1 for MPEG 1, 2 for the low rates; layer), for the indexes 1 to 14."""
_LOW_RATE_LAYER_3 = _KILOBITS[2, 2]
_DECODER_DELAY = 529


class _Frame(Struct, frozen=True):
    kind: int
    """Version, layer and rate: the same in every frame of a file."""
    size: int
    samples: int
    rate: int
    silent_head: int = 0
    """Where the encoder's own words are, behind the header; 0 for none."""


def after_tags(data: mmap.mmap) -> int:
    """Where the sound begins: behind the ID3 tags."""
    at = 0
    while data[at : at + 3] == b"ID3" and len(data) >= at + 10:
        size = 0
        for byte in data[at + 6 : at + 10]:
            size = size << 7 | byte & 0x7F
        at += 10 + size + (10 if data[at + 5] & 0x10 else 0)
    return min(at, len(data))


def seconds(data: mmap.mmap, start: int, end: int) -> float:
    """Length of the whole frames between ``start`` and ``end``; what lies between is skipped.

    Raises:
        BrokenSound: there are none.
    """
    at = start
    total = 0.0
    trim = 0.0
    kind = None
    tries = MOST_TRIES
    for _ in range(MOST_FRAMES):
        at, tries = _next_frame(data, at, end, kind, tries)
        if at < 0:
            break
        frame = _frame(data[at : at + 7])
        if frame is None or at + frame.size > end:
            break
        said = _encoder_words(data[at : at + 200], frame) if kind is None else None
        if said is None:
            total += frame.samples / frame.rate
        else:
            trim = said / frame.rate
        kind = frame.kind
        at += frame.size
    if kind is None:
        raise BrokenSound("there are no frames of MP3 or AAC in it")
    return max(total - trim, 0.0)


def _next_frame(
    data: mmap.mmap, at: int, end: int, kind: int | None, tries: int
) -> tuple[int, int]:
    """Where the next frame begins, which another of its kind follows, or the end; -1 for none.
    And how many of ``tries`` are left."""
    while 0 <= at < end - 7 and tries:
        frame = _frame(data[at : at + 7])
        if frame is not None and kind in (None, frame.kind):
            behind = at + frame.size
            after = _frame(data[behind : behind + 7])
            if behind >= end - 7 or kind is not None or (after and after.kind == frame.kind):
                return at, tries
        at = data.find(b"\xff", at + 1, end)
        tries -= 1
    return -1, tries


def _frame(head: bytes) -> _Frame | None:
    if len(head) < 7 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return None
    if head[1] & 0xF6 == 0xF0:
        return _aac_frame(head)
    version, layer = head[1] >> 3 & 3, 4 - (head[1] >> 1 & 3)
    bits, rate_index = head[2] >> 4, head[2] >> 2 & 3
    if version == 1 or layer == 4 or bits in (0, 15) or rate_index == 3:
        return None
    rate = _RATES[rate_index] // {3: 1, 2: 2, 0: 4}[version]
    low = 1 if version == 3 else 2
    kilobits = (_KILOBITS.get((low, layer)) or _LOW_RATE_LAYER_3)[bits - 1]
    padding = head[2] >> 1 & 1
    samples = 384 if layer == 1 else 576 if layer == 3 and low == 2 else 1152
    if layer == 1:
        size = (12 * kilobits * 1000 // rate + padding) * 4
    else:
        size = samples // 8 * kilobits * 1000 // rate + padding
    mono = head[3] >> 6 == 3
    side = ((17 if mono else 32) if low == 1 else (9 if mono else 17)) if layer == 3 else 0
    return _Frame((version << 4 | layer) << 8 | rate_index, size, samples, rate, side and 4 + side)


def _aac_frame(head: bytes) -> _Frame | None:
    rate_index = head[2] >> 2 & 15
    size = (head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5
    if rate_index >= len(_AAC_RATES) or size < 7:
        return None
    samples = 1024 * ((head[6] & 3) + 1)
    return _Frame(1 << 16 | rate_index, size, samples, _AAC_RATES[rate_index])


def _encoder_words(start: bytes, frame: _Frame) -> int | None:
    """Samples that an encoder added at both ends, when this frame holds its words alone.

    What it says of the length is not read; what it says that it added is at most 0.2 s.
    """
    at = frame.silent_head
    if not at or start[at : at + 4] not in (b"Xing", b"Info"):
        return 0 if start[36:40] == b"VBRI" and frame.silent_head else None
    flags = int.from_bytes(start[at + 4 : at + 8], "big")
    parts = ((1, 4), (2, 4), (4, 100), (8, 4))
    words = at + 8 + sum(size for flag, size in parts if flags & flag)
    added = start[words + 21 : words + 24]
    if not start[words : words + 4].isalnum() or len(added) < 3:
        return 0
    delay, padding = added[0] << 4 | added[1] >> 4, (added[1] & 15) << 8 | added[2]
    return delay + max(padding, _DECODER_DELAY) if delay or padding else 0
