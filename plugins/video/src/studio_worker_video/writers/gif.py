"""Animated GIF, written frame by frame.

Pillow compresses each frame (LZW) but does not write the file: its own writer holds every
frame until the end and merges equal ones, which loses frames of a still passage. One palette
for the whole clip and no dither is the fastest route there is and does not flicker.
"""

from __future__ import annotations

import struct
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from studio_worker_video.canvas import Frame
from studio_worker_video.writers.clip import Clip

_COLOURS = 256
_SAMPLED_FRAMES = 8
_SAMPLED_PIXELS = 32_768
"""Pixels the palette is chosen from, over all sampled frames."""

_PALETTE_BYTES = 3 * _COLOURS
_FOR_EVER = b"!\xff\x0bNETSCAPE2.0\x03\x01\x00\x00\x00"

Indices = NDArray[np.uint8]


class GifClip(Clip):
    """A GIF that repeats for ever; delays in centiseconds, spread so that the sum is exact.

    The palette of the whole clip is chosen from the ``samples``, see :func:`sampled`; without
    any, from the first frame.
    """

    ext = "gif"

    def _begin(self, frame: Frame) -> None:
        settings = self._settings
        self._palette = _palette(list(self._samples) or [frame])
        self._delays = settings.timing.delays(100)
        self._before: Indices | None = None
        self._file: BinaryIO = self.request.get_file()
        colours = bytes(self._palette.getpalette() or ()).ljust(_PALETTE_BYTES, b"\0")
        size = struct.pack("<HHBBB", settings.width, settings.height, 0xF7, 0, 0)
        self._file.write(b"GIF89a" + size + colours[:_PALETTE_BYTES] + _FOR_EVER)

    def _add(self, frame: Frame, number: int) -> None:
        picture = Image.fromarray(frame).quantize(palette=self._palette, dither=Image.Dither.NONE)
        indices = np.asarray(picture)
        left, top, right, bottom = _changed(self._before, indices)
        # Delay and "leave it there": the next frame is drawn over this one.
        self._file.write(b"!\xf9\x04" + struct.pack("<BHBB", 0x04, self._delays[number], 0, 0))
        box = struct.pack("<HHHHB", left, top, right - left, bottom - top, 0)
        self._file.write(b"," + box + _compressed(picture.crop((left, top, right, bottom))))
        self._before = indices

    def _end(self) -> None:
        self._file.write(b";")


def sampled(frames: int) -> list[int]:
    """Which of a clip's ``frames`` to choose its palette from: a few, spread over it."""
    return sorted({round(k * (frames - 1) / _SAMPLED_FRAMES) for k in range(_SAMPLED_FRAMES + 1)})


def _palette(frames: list[Frame]) -> Image.Image:
    """The colours of all the frames."""
    samples = [frame.reshape(-1, 3) for frame in frames]
    step = max(1, sum(map(len, samples)) // _SAMPLED_PIXELS)
    # A step that shares no factor with the width would walk whole columns only by accident.
    step |= 1
    pixels = np.concatenate([sample[::step] for sample in samples])
    strip = Image.fromarray(np.ascontiguousarray(pixels[None]))
    # k-means after the median cut, until fewer than one pixel in fifty changes sides: a tenth
    # less error (a third on photographs) for some 50 ms in the whole clip. To the very end it
    # takes ten times as long for nothing that can be seen.
    return strip.quantize(
        _COLOURS, method=Image.Quantize.MEDIANCUT, kmeans=max(1, len(pixels) // 50)
    )


def _changed(before: Indices | None, after: Indices) -> tuple[int, int, int, int]:
    """The box (left, top, right, bottom) that differs; one pixel where nothing does."""
    if before is None:
        return 0, 0, after.shape[1], after.shape[0]
    differs = before != after
    columns, rows = np.flatnonzero(differs.any(axis=0)), np.flatnonzero(differs.any(axis=1))
    if not len(rows):
        return 0, 0, 1, 1
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def _compressed(picture: Image.Image) -> bytes:
    """The LZW blocks of a picture in the palette's own indices, of 8 bits, its rows in order."""
    blocks: bytes = picture.tobytes("gif", "P", 8, 0)
    return b"\x08" + blocks + b"\0"
