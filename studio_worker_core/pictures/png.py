"""Writing a PNG in a few milliseconds."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from PIL import Image, ImageChops

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_TYPES = {"L": (0, 1), "RGB": (2, 3), "RGBA": (6, 4)}
"""Colour type, and bytes of a pixel (PNG specification, §11.2.2)."""
_UP = b"\x02"
_BAND_BYTES = 1 << 20


def write_png(image: Image.Image, path: Path) -> None:
    """Write the pixels of an image to a file; see :func:`send_png`.

    Raises:
        OSError: the file cannot be written.
    """
    with path.open("wb") as file:
        send_png(image, file)


def send_png(image: Image.Image, file: BinaryIO) -> None:
    """Write the pixels of an image, and nothing that it carries beside them.

    Each row is written as its difference from the one above (filter type 2). Pillow tries five
    filters for each row, which takes longer than drawing and deflating together; pictures of
    soft colours come out as small without. What is not in grey, RGB or RGBA is left to Pillow.

    Raises:
        OSError: the file cannot be written.
    """
    if image.mode not in _TYPES or not (image.width and image.height):
        image.save(file, "PNG", compress_level=1, compress_type=3)
        return
    colour, _ = _TYPES[image.mode]
    head = struct.pack(">IIBBBBB", *image.size, 8, colour, 0, 0, 0)
    deflate = zlib.compressobj(1, memLevel=8)
    file.write(_SIGNATURE + _chunk(b"IHDR", head))
    for rows in _filtered(image):
        if data := deflate.compress(rows):
            file.write(_chunk(b"IDAT", data))
    file.write(_chunk(b"IDAT", deflate.flush()) + _chunk(b"IEND", b""))


def _filtered(image: Image.Image) -> Iterator[bytes]:
    """The rows, some at a time, so that a large picture is not there twice."""
    width, height = image.size
    length = width * _TYPES[image.mode][1]
    step = max(_BAND_BYTES // length, 1)
    for top in range(0, height, step):
        bottom = min(top + step, height)
        # Above the first row lies what crop fills in: zeros, as the specification has it.
        above = image.crop((0, top - 1, width, bottom - 1))
        rows = ImageChops.subtract_modulo(image.crop((0, top, width, bottom)), above).tobytes()
        starts = range(0, len(rows), length)
        yield b"".join([part for at in starts for part in (_UP, rows[at : at + length])])


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
