"""The length of a file, whatever its type."""

from __future__ import annotations

import mmap
from pathlib import Path

from studio_worker_core.sound_length import flac, mpeg, ogg, waves
from studio_worker_core.sound_length.faults import BrokenSound


def seconds_of(path: Path) -> float | None:
    """Seconds of sound in ``path``; None for a type whose data is not understood here.

    Raises:
        BrokenSound: it begins as a known type and has no sound in it.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        head = file.read(12)
        if not head:
            raise BrokenSound("the file is empty")
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            if head[:4] in waves.MAGIC:
                wave = waves.wave_in(data)
                if wave.is_mpeg:
                    return mpeg.seconds(data, wave.start, wave.start + wave.size)
                return wave.seconds
            if head[:4] == b"OggS":
                return ogg.seconds(data)
            start = mpeg.after_tags(data)
            if data[start : start + 4] == b"fLaC":
                return flac.seconds(data, start)
            if start or (head[0] == 0xFF and len(head) > 1 and head[1] & 0xE0 == 0xE0):
                return mpeg.seconds(data, start, len(data))
    return None
