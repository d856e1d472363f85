"""A PNG that is written quickly is one like any other."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from studio_worker_core.pictures import png
from studio_worker_core.pictures.png import write_png

MODES = {"L": 1, "RGB": 3, "RGBA": 4, "P": 1, "LA": 2, "1": 1}


@st.composite
def pictures(draw: st.DrawFn) -> Image.Image:
    mode = draw(st.sampled_from(sorted(MODES)))
    width, height = draw(st.integers(1, 40)), draw(st.integers(1, 40))
    noise = draw(st.randoms(use_true_random=False)).randbytes(width * height * MODES[mode])
    if mode == "1":
        return Image.frombytes("L", (width, height), noise).convert("1")
    picture = Image.frombytes(mode, (width, height), noise)
    if mode == "P":
        picture.putpalette(range(256) if draw(st.booleans()) else [9] * 768)
    return picture


@given(picture=pictures(), rows_at_once=st.sampled_from([1, 100, 1 << 20]))
def test_the_pixels_are_those_that_were_written(
    tmp_path_factory: pytest.TempPathFactory, picture: Image.Image, rows_at_once: int
) -> None:
    path = tmp_path_factory.mktemp("png") / "picture.png"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(png, "_BAND_BYTES", rows_at_once)
        write_png(picture, path)
    with Image.open(path) as written:
        assert (written.format, written.size, written.mode) == ("PNG", picture.size, picture.mode)
        assert written.convert("RGBA").tobytes() == picture.convert("RGBA").tobytes()


def test_the_same_pixels_make_the_same_bytes_and_no_notes(tmp_path: Path) -> None:
    picture = Image.linear_gradient("L").convert("RGB")
    noted = picture.copy()
    noted.info["comment"] = "not for anybody else"
    write_png(picture, tmp_path / "one.png")
    write_png(noted, tmp_path / "other.png")
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "other.png").read_bytes()


def test_soft_colours_come_out_as_small_as_pillows(tmp_path: Path) -> None:
    picture = Image.radial_gradient("L").convert("RGB").resize((512, 512))
    write_png(picture, tmp_path / "ours.png")
    picture.save(tmp_path / "pillows.png", compress_level=1, compress_type=3)
    ours, pillows = ((tmp_path / f"{name}.png").stat().st_size for name in ("ours", "pillows"))
    assert ours < 1.5 * pillows
