"""Pictures that jobs bring, in every form a file can have."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageCms, ImageDraw

from studio_worker_core.errors import InvalidTask
from studio_worker_core.pictures import read_mask, read_picture


def _drawing(colour: str) -> Image.Image:
    picture = Image.new("RGBA", (80, 60), (0, 0, 0, 0))
    ImageDraw.Draw(picture).line((5, 5, 75, 55), colour, 4)
    return picture


def _saved(path: Path, picture: Image.Image, **options: Any) -> Path:
    picture.save(path, **options)
    return path


@pytest.mark.parametrize(
    ("colour", "ground"), [("black", 255), ("red", 255), ("white", 0), ("yellow", 0)]
)
def test_a_drawing_is_seen_on_its_ground(tmp_path: Path, colour: str, ground: int) -> None:
    picture = read_picture(_saved(tmp_path / "d.png", _drawing(colour)), "initImageUrl")
    assert picture.mode == "RGB"
    assert picture.getpixel((70, 5)) == (ground, ground, ground)


@pytest.mark.parametrize("ext", ["jpg", "png", "webp", "avif"])
def test_a_turned_picture_is_upright_and_carries_nothing_over(tmp_path: Path, ext: str) -> None:
    turned = Image.new("RGB", (40, 20), "red")
    exif = turned.getexif()
    exif[0x0112] = 6
    read = read_picture(_saved(tmp_path / f"t.{ext}", turned, exif=exif), "initImageUrl")
    assert read.size == (20, 40)
    assert not read.info
    assert not read.getexif()


@pytest.mark.parametrize(("ext", "mode", "scale"), [("png", "I;16", 257), ("tiff", "F", 1 / 255)])
def test_deep_greys_are_scaled_and_not_clipped(
    tmp_path: Path, ext: str, mode: str, scale: float
) -> None:
    grey = Image.linear_gradient("L")
    wide = grey.convert("F" if mode == "F" else "I").point(lambda level: level * scale + 0)
    path = _saved(tmp_path / f"deep.{ext}", wide.convert(mode))
    assert read_picture(path, "initImageUrl").getchannel(0).tobytes() == grey.tobytes()
    assert read_mask(path).tobytes() == grey.tobytes()


def test_a_palettes_clear_colour_and_a_clear_grey_are_transparent(tmp_path: Path) -> None:
    palette = Image.new("P", (8, 8))
    palette.putpalette([0, 0, 0, 255, 0, 0])
    palette.paste(1, (0, 0, 4, 8))
    read = read_picture(_saved(tmp_path / "p.png", palette, transparency=0), "initImageUrl")
    assert read.getpixel((1, 1)) == (255, 0, 0)
    assert read.getpixel((7, 1)) == (255, 255, 255)
    deep = Image.new("I;16", (8, 8), 40_000)
    assert read_mask(_saved(tmp_path / "g.png", deep)).getpixel((1, 1)) == 156
    assert read_mask(_saved(tmp_path / "h.png", deep, transparency=40_000)).getpixel((1, 1)) == 0


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def _two_pixels(depth: int, colour: int, row: bytes, clear: bytes) -> bytes:
    head = struct.pack(">IIBBBBB", 2, 1, depth, colour, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"tRNS", clear), (b"IDAT", zlib.compress(b"\0" + row)))
    whole = b"".join(_chunk(name, body) for name, body in chunks)
    return b"\x89PNG\r\n\x1a\n" + whole + _chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("depth", "colour", "row", "clear", "second"),
    [
        (1, 0, b"\x80", b"\0\x01", 0),
        (2, 0, b"\xe0", b"\0\x03", 170),
        (4, 0, b"\xfe", b"\0\x0f", 238),
        (16, 2, b"\xff" * 6 + b"\x80\0" * 3, b"\xff" * 6, 128),
    ],
)
def test_the_clear_colour_counts_at_every_depth(
    tmp_path: Path, depth: int, colour: int, row: bytes, clear: bytes, second: int
) -> None:
    path = tmp_path / "c.png"
    path.write_bytes(_two_pixels(depth, colour, row, clear))
    mask = read_mask(path)
    assert (mask.getpixel((0, 0)), mask.getpixel((1, 0))) == (0, second)


@pytest.mark.parametrize(("turn", "corner"), [(1, (0, 0)), (3, (39, 19)), (6, (19, 0))])
def test_a_turned_tiff_is_turned_once(tmp_path: Path, turn: int, corner: tuple[int, int]) -> None:
    marked = Image.new("RGB", (40, 20), "red")
    marked.paste("blue", (0, 0, 5, 5))
    path = _saved(tmp_path / "t.tif", marked, tiffinfo={274: turn})
    assert read_picture(path, "initImageUrl").getpixel(corner) == (0, 0, 255)


def test_a_profile_counts_by_its_colours_and_not_by_its_name(tmp_path: Path) -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = srgb.replace(b"rXYZ", b"----", 1).replace(b"bXYZ", b"rXYZ", 1)
    swapped = swapped.replace(b"----", b"bXYZ", 1)
    painted = Image.new("RGB", (8, 8), (200, 20, 60))
    for profile, seen in ((srgb, (200, 20, 60)), (swapped, (60, 20, 200))):
        path = _saved(tmp_path / "p.png", painted, icc_profile=profile)
        assert read_picture(path, "initImageUrl").getpixel((4, 4)) == seen


def test_an_animation_of_very_many_frames_gives_its_first(tmp_path: Path) -> None:
    first, second = Image.new("P", (4, 4), 0), Image.new("P", (4, 4), 1)
    for frame in (first, second):
        frame.putpalette([255, 0, 0, 0, 0, 255])
    frames = [second, first] * 2_000
    path = _saved(tmp_path / "a.gif", first, save_all=True, append_images=frames, duration=20)
    assert read_picture(path, "initImageUrl").getpixel((2, 2)) == (255, 0, 0)


def test_cmyk_and_profiles_become_srgb_and_are_dropped(tmp_path: Path) -> None:
    ink = Image.new("CMYK", (8, 8), (0, 255, 255, 0))
    red = read_picture(_saved(tmp_path / "ink.tiff", ink), "initImageUrl").getpixel((1, 1))
    assert red == (255, 0, 0)
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    path = _saved(tmp_path / "s.png", Image.new("RGB", (8, 8), "teal"), icc_profile=profile)
    read = read_picture(path, "initImageUrl")
    assert read.getpixel((1, 1)) == (0, 128, 128)
    assert "icc_profile" not in read.info
    broken = _saved(tmp_path / "b.png", Image.new("RGB", (8, 8), "teal"), icc_profile=b"none")
    assert read_picture(broken, "initImageUrl").getpixel((1, 1)) == (0, 128, 128)


@pytest.mark.parametrize("ext", ["gif", "webp", "png", "tiff"])
def test_of_an_animation_the_first_frame_is_read(tmp_path: Path, ext: str) -> None:
    frames = [Image.new("RGB", (16, 16), colour) for colour in ("lime", "red", "blue")]
    options: dict[str, Any] = {"lossless": True} if ext == "webp" else {}
    path = tmp_path / f"a.{ext}"
    frames[0].save(path, save_all=True, append_images=frames[1:], **options)
    assert read_picture(path, "initImageUrl").getpixel((8, 8)) == (0, 255, 0)


def test_a_broken_picture_is_refused_in_words(tmp_path: Path) -> None:
    whole = _saved(tmp_path / "whole.png", Image.effect_noise((64, 64), 50)).read_bytes()
    for number, data in enumerate((b"", b"no picture", whole[:300], b"%!PS-Adobe-3.0 EPSF-3.0\n")):
        path = tmp_path / f"broken-{number}"
        path.write_bytes(data)
        with pytest.raises(InvalidTask, match="the picture of maskUrl cannot be decoded") as caught:
            read_mask(path)
        assert str(tmp_path) not in str(caught.value)


def test_a_huge_picture_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    def chunk(name: bytes, body: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(name + body))
        return struct.pack(">I", len(body)) + name + body + check

    header = struct.pack(">IIBBBBB", 10_000, 8_001, 1, 0, 0, 0, 0)
    path = tmp_path / "huge.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b""))
    with pytest.raises(InvalidTask, match="10000×8001 pixels"):
        read_picture(path, "initImageUrl")
