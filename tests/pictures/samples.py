"""Pictures in the forms that files have, each with one colour on its left and one on its right."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

from PIL import Image, ImageCms

Colour = Any
SIZE = (64, 64)
RED_AND_BLUE = ((255, 0, 0), (0, 0, 255))

TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
"""Exif orientation → how an upright picture is laid down under it (Exif 2.32 §4.6.5)."""


def halves(mode: str, left: Colour, right: Colour, size: tuple[int, int] = SIZE) -> Image.Image:
    """A picture of two halves."""
    picture = Image.new(mode, size, right)
    picture.paste(left, (0, 0, size[0] // 2, size[1]))
    return picture


def saved(picture: Image.Image, kind: str, **options: Any) -> bytes:
    """A picture as the bytes of a file."""
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def turned(kind: str, orientation: int, mode: str = "RGB", colours: Any = RED_AND_BLUE) -> bytes:
    """Red on the left and blue on the right, once it is turned as its Exif block says."""
    left, right = colours
    exif = Image.Exif()
    exif[0x0112] = orientation
    flat = halves(mode, left, right, (64, 48)).transpose(TURNS[orientation])
    return saved(flat, kind, exif=exif)


def sixteen_bit_grey(left: int, right: int) -> bytes:
    """A PNG of 16 bits."""
    row = struct.pack("<H", left) * 32 + struct.pack("<H", right) * 32
    return saved(Image.frombytes("I;16", SIZE, row * SIZE[1]), "PNG")


def float_grey(left: float, right: float) -> bytes:
    """A TIFF of floats from 0 to 1."""
    return saved(halves("F", left, right), "TIFF")


def png_chunk(name: bytes, body: bytes) -> bytes:
    """One chunk of a PNG with its checksum."""
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def _png(depth: int, colour: int, rows: bytes, *before: bytes) -> bytes:
    head = png_chunk(b"IHDR", struct.pack(">IIBBBBB", *SIZE, depth, colour, 0, 0, 0))
    data = png_chunk(b"IDAT", zlib.compress(rows))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(before) + data + png_chunk(b"IEND", b"")


def deep_clear_colour(clear: tuple[int, ...], other: tuple[int, ...]) -> bytes:
    """A PNG of 16 bits for each colour; ``clear``, on its left, is marked as transparent."""
    left, right = struct.pack(">3H", *clear), struct.pack(">3H", *other)
    rows = (b"\0" + left * 32 + right * 32) * SIZE[1]
    return _png(16, 2, rows, png_chunk(b"tRNS", left))


def palette_with_alpha(left: int, right: int) -> bytes:
    """A PNG with a palette of red only, with an alpha for each entry."""
    flat = halves("P", 0, 1)
    flat.putpalette([255, 0, 0, 255, 0, 0])
    return saved(flat, "PNG", transparency=bytes((left, right)))


def adobe_cmyk(left: Colour, right: Colour) -> bytes:
    """A JPEG of inks as Adobe's programs write it: inverted, with their mark."""
    data = saved(halves("CMYK", left, right), "JPEG", quality=95, subsampling=0)
    assert b"Adobe" in data[:64]
    return data


def swapped_profile() -> bytes:
    """A profile that calls red what sRGB calls blue."""
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = srgb.replace(b"rXYZ", b"----", 1).replace(b"bXYZ", b"rXYZ", 1)
    return swapped.replace(b"----", b"bXYZ", 1)


def animated(kind: str) -> bytes:
    """Red and blue first, then other colours."""
    first = halves("RGB", *RED_AND_BLUE)
    others = [Image.new("RGB", SIZE, colour) for colour in ("lime", "yellow")]
    options: dict[str, Any] = {"lossless": True} if kind == "WEBP" else {}
    if kind == "TIFF":
        return saved(first, kind, save_all=True, append_images=others)
    return saved(first, kind, save_all=True, append_images=others, duration=50, **options)


def many_frames(kind: str, frames: int) -> bytes:
    """An animation of red and blue, frame after frame."""
    still = halves("RGB", *RED_AND_BLUE)
    if kind == "GIF":
        data = saved(still, "GIF")
        start = data.index(b",", 13 + (3 << (data[10] & 7) + 1))
        frame = b"!\xf9\x04\0\x02\0\0\0" + data[start:-1]
        return data[:start] + frame * frames + b";"
    if kind == "WEBP":
        sides = struct.pack("<I", SIZE[0] - 1)[:3] + struct.pack("<I", SIZE[1] - 1)[:3]
        body = bytes(6) + sides + b"\x0a\0\0\x02" + saved(still, "WEBP", lossless=True)[12:]
        frame = b"ANMF" + struct.pack("<I", len(body)) + body
        whole = b"WEBPVP8X" + struct.pack("<I", 10) + b"\x02\0\0\0" + sides
        whole += b"ANIM" + struct.pack("<I", 6) + bytes(6) + frame * frames
        return b"RIFF" + struct.pack("<I", len(whole)) + whole
    if kind == "PNG":
        return _animated_png(frames)
    return saved(still, kind, save_all=True, append_images=[still] * (frames - 1), speed=10)


def _animated_png(frames: int) -> bytes:
    row = b"\0" + bytes(RED_AND_BLUE[0]) * 32 + bytes(RED_AND_BLUE[1]) * 32
    data = zlib.compress(row * SIZE[1])
    rest = []
    for number in range(1, frames):
        control = struct.pack(">5I2H2B", 2 * number - 1, *SIZE, 0, 0, 1, 10, 0, 0)
        rest += [png_chunk(b"fcTL", control)]
        rest += [png_chunk(b"fdAT", struct.pack(">I", 2 * number) + data)]
    begin = png_chunk(b"acTL", struct.pack(">II", frames, 0))
    begin += png_chunk(b"fcTL", struct.pack(">5I2H2B", 0, *SIZE, 0, 0, 1, 10, 0, 0))
    whole = _png(8, 2, row * SIZE[1], begin)
    end = len(whole) - 12
    return whole[:end] + b"".join(rest) + whole[end:]


_SIDES = {
    "GIF": "<HH",
    "BMP": "<II",
    "JPEG": ">HH",
    "JPEG2000": ">II",
    "AVIF": ">II",
}
"""How a format writes width and height, one after the other."""


def huge(kind: str, width: int, height: int) -> bytes:
    """A small file whose header claims large sides."""
    if kind == "PNG":
        head = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0))
        return b"\x89PNG\r\n\x1a\n" + head + png_chunk(b"IDAT", b"")
    if kind == "PPM":
        return b"P6 %d %d 255\n" % (width, height)
    if kind == "ICO":
        inside = huge("PNG", width, height)
        return struct.pack("<HHHBBBBHHII", 0, 1, 1, 7, 5, 0, 0, 1, 1, len(inside), 22) + inside
    if kind == "WEBP":
        data = many_frames("WEBP", 1)
        sides = struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3]
        return data[:24] + sides + data[30:]
    data = saved(Image.new("RGB", (731, 517)), kind)
    if kind == "TIFF":
        for tag, old, new in ((256, 731, width), (257, 517, height)):
            data = data.replace(
                struct.pack("<HH", tag, 4) + struct.pack("<II", 1, old),
                struct.pack("<HH", tag, 4) + struct.pack("<II", 1, new),
            )
        return data
    wide, tall = struct.pack(_SIDES[kind], 731, 517), struct.pack(_SIDES[kind], 517, 731)
    assert wide in data or tall in data
    data = data.replace(wide, struct.pack(_SIDES[kind], width, height))
    return data.replace(tall, struct.pack(_SIDES[kind], height, width))
