"""Width and height of a picture from its header; no pixel is ever decoded here.

The bytes are somebody else's: each reader takes a bounded number of small steps, whatever the
numbers in the file say. Frames after the first are not looked at.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from studio_worker_core.errors import InvalidTask
from studio_worker_core.storage.disk import shown_bytes

_MOST_STEPS = 10_000
_LONGEST_HEADER = 64


class BrokenPicture(Exception):
    """The header is not that of such a picture; the message says what is wrong."""


def picture_size(file: BinaryIO, kind: str, size: int) -> tuple[int, int]:
    """Width and height of the picture in ``file``, ``size`` bytes of type ``kind`` (``png``,
    ``jpg``, ``webp``, ``gif``, ``bmp``, ``avif``, ``tiff``).

    Raises:
        BrokenPicture: the header is broken, or the file ends too early.
    """
    file.seek(0)
    try:
        width, height = _READERS[kind](file, size)
    except struct.error:
        raise BrokenPicture("it ends within its header") from None
    if width < 1 or height < 1:
        raise BrokenPicture("it has no pixels")
    return width, height


def _png(file: BinaryIO, size: int) -> tuple[int, int]:
    head = file.read(33)
    length, name, width, height = struct.unpack(">8xI4sII", head[:24])
    if (length, name) != (13, b"IHDR"):
        raise BrokenPicture("it does not begin with IHDR")
    (checksum,) = struct.unpack(">I", head[29:33])
    if zlib.crc32(head[12:29]) != checksum:
        raise BrokenPicture("the checksum of its header is wrong")
    at, has_data = 33, False
    for _ in range(_MOST_STEPS):
        file.seek(at)
        head = file.read(8)
        if has_data and (len(head) < 8 or not head[4:].isalpha()):
            break  # what follows the pixels is not needed
        length, name = struct.unpack(">I4s", head)
        at += 12 + length
        if at > size:
            raise BrokenPicture("it ends before its pixels do")
        has_data = has_data or name == b"IDAT"
        if name == b"IEND":
            break
    if not has_data:
        raise BrokenPicture("it has no pixels")
    return width, height


def _jpg(file: BinaryIO, size: int) -> tuple[int, int]:
    del size
    at = 2
    for _ in range(_MOST_STEPS):
        file.seek(at)
        mark, kind = struct.unpack(">BB", file.read(2))
        if mark != 0xFF:
            break
        if kind == 0xFF:  # a filling byte
            at += 1
            continue
        if kind == 0x01 or 0xD0 <= kind <= 0xD8:
            at += 2
            continue
        if kind in (0xD9, 0xDA):
            break
        (length,) = struct.unpack(">H", file.read(2))
        if 0xC0 <= kind <= 0xCF and kind not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack(">xHH", file.read(5))
            return width, height
        at += 2 + max(length, 2)
    raise BrokenPicture("it tells no size")


def _gif(file: BinaryIO, size: int) -> tuple[int, int]:
    width, height = struct.unpack("<6xHH", file.read(10))
    if size < 14:
        raise BrokenPicture("it ends within its header")
    return width, height


def _bmp(file: BinaryIO, size: int) -> tuple[int, int]:
    del size
    head = file.read(26)
    (length,) = struct.unpack("<14xI", head[:18])
    if length == 12:
        width, height = struct.unpack("<HH", head[18:22])
    else:
        width, height = struct.unpack("<ii", head[18:26])
    return width, abs(height)


def _webp(file: BinaryIO, size: int) -> tuple[int, int]:
    """RFC 9649 §2.5 to 2.7."""
    head = file.read(_LONGEST_HEADER)
    claimed, chunk = struct.unpack("<4xI4x4s", head[:16])
    if claimed + 8 > size + 1:
        raise BrokenPicture("it ends before its pixels do")
    if chunk == b"VP8X":
        struct.unpack("<30x", head[:30])
        width, height = head[24:27], head[27:30]
        return int.from_bytes(width, "little") + 1, int.from_bytes(height, "little") + 1
    if chunk == b"VP8L":
        (bits,) = struct.unpack("<21xI", head[:25])
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if chunk == b"VP8 ":
        width, height = struct.unpack("<26xHH", head[:30])
        return width & 0x3FFF, height & 0x3FFF
    raise BrokenPicture("it is an unknown kind of WebP")


def _tiff(file: BinaryIO, size: int) -> tuple[int, int]:
    """The first page: TIFF 6.0 §2, tags ImageWidth and ImageLength."""
    del size
    order = "<" if file.read(8)[:2] == b"II" else ">"
    file.seek(4)
    (at,) = struct.unpack(order + "I", file.read(4))
    file.seek(at)
    (count,) = struct.unpack(order + "H", file.read(2))
    sides = {256: 0, 257: 0}
    for _ in range(min(count, _MOST_STEPS)):
        tag, kind, _count, value = struct.unpack(order + "HHI4s", file.read(12))
        if tag in sides and kind in (3, 4):
            form = "H" if kind == 3 else "I"
            (sides[tag],) = struct.unpack_from(order + form, value)
    return sides[256], sides[257]


_ROOMS = {b"meta": 12, b"iprp": 8, b"ipco": 8}
"""Boxes on the way to the sizes → where their own boxes begin (ISO/IEC 14496-12, 23008-12)."""


def _avif(file: BinaryIO, size: int) -> tuple[int, int]:
    """The largest of the pictures in it: small ones and the tiles of a large one lie beside."""
    found = (0, 0)
    at, end = 0, size
    for _ in range(_MOST_STEPS):
        if at + 8 > end:
            break
        file.seek(at)
        length, name = struct.unpack(">I4s", file.read(8))
        if length == 1:
            (length,) = struct.unpack(">Q", file.read(8))
        length = length or end - at
        if length < 8 or at + length > end:
            raise BrokenPicture("it ends before its pixels do")
        if name in _ROOMS:
            at, end = at + _ROOMS[name], at + length
            continue
        if name == b"ispe":
            file.seek(at + 12)
            width, height = struct.unpack(">II", file.read(8))
            found = max(found, (width, height), key=lambda sides: sides[0] * sides[1])
        at += length
    return found


_READERS: dict[str, Callable[[BinaryIO, int], tuple[int, int]]] = {
    "png": _png,
    "jpg": _jpg,
    "webp": _webp,
    "gif": _gif,
    "bmp": _bmp,
    "avif": _avif,
    "tiff": _tiff,
}


def check_image(path: Path, kind: str, what: str, max_megapixels: float) -> None:
    """Check that the header of ``path`` is a sound ``kind`` of a bearable size.

    Only the header is read: the pixels, and the frames of an animation, are for the engine's
    process. ``max_megapixels`` 0 means no limit; ``what`` names the input in errors.

    Raises:
        InvalidTask: the header is broken, or there are too many pixels.
        OSError: the file cannot be read.
    """
    size = path.stat().st_size
    try:
        with path.open("rb") as file:
            width, height = picture_size(file, kind, size)
    except BrokenPicture as error:
        raise InvalidTask(
            f"{what} is a broken {kind} image ({shown_bytes(size)}): {error}"
        ) from None
    _check_pixels(width, height, what, max_megapixels)


def _check_pixels(width: int, height: int, what: str, most: float) -> None:
    pixels = width * height
    if most and pixels > most * 1_000_000:
        raise InvalidTask(
            f"{what} has {width}×{height} pixels, {pixels / 1e6:.0f} million in all; at most "
            f"{most:g} million are taken (raise max_megapixels under [inputs] in the config "
            "to allow more)"
        )
