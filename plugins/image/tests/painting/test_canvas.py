"""Sizes that a model cannot draw, and pictures that go in."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from studio_worker_core.plugin import InvalidTask
from studio_worker_image.painting.canvas import canvas_for, read_inputs

_SIDES = st.integers(1, 200)


@settings(deadline=None)
@given(_SIDES, _SIDES, st.sampled_from([1, 8, 16, 64]))
def test_a_picture_extended_and_cut_again_is_the_same(
    width: int, height: int, multiple: int
) -> None:
    canvas = canvas_for(width, height, multiple)
    assert canvas.drawn_width % multiple == canvas.drawn_height % multiple == 0
    assert 0 <= canvas.drawn_width - width < multiple
    assert 0 <= canvas.drawn_height - height < multiple
    gradient = Image.linear_gradient("L").resize((width, height)).convert("RGB")
    extended = canvas.extend(gradient)
    assert extended.size == (canvas.drawn_width, canvas.drawn_height)
    assert canvas.cut(extended).tobytes() == gradient.tobytes()


def test_edges_go_on_outward() -> None:
    picture = Image.new("RGB", (2, 2))
    for place, colour in (((0, 0), "red"), ((1, 0), "lime"), ((0, 1), "blue"), ((1, 1), "white")):
        picture.paste(colour, (*place, place[0] + 1, place[1] + 1))
    extended = canvas_for(2, 2, 8).extend(picture)
    assert extended.getpixel((0, 0)) == (255, 0, 0)
    assert extended.getpixel((7, 0)) == (0, 255, 0)
    assert extended.getpixel((0, 7)) == (0, 0, 255)
    assert extended.getpixel((7, 7)) == (255, 255, 255)


def test_inputs_are_upright_opaque_and_of_the_asked_size(tmp_path: Path) -> None:
    init, mask, reference = (tmp_path / name for name in ("i.png", "m.png", "r.jpg"))
    Image.new("RGBA", (40, 20), (0, 0, 0, 0)).save(init)
    see_through = Image.new("LA", (40, 20), (255, 255))
    see_through.paste((255, 0), (0, 0, 20, 20))
    see_through.save(mask)
    turned = Image.new("RGB", (30, 10), "red")
    exif = turned.getexif()
    exif[0x0112] = 6  # to be turned by a quarter
    turned.save(reference, exif=exif)
    inputs = read_inputs(init=init, mask=mask, reference=reference, canvas=canvas_for(80, 40, 8))
    assert inputs.init is not None
    assert inputs.mask is not None
    assert inputs.reference is not None
    assert inputs.init.size == inputs.mask.size == (80, 40)
    assert inputs.init.getpixel((5, 5)) == (255, 255, 255)
    assert inputs.mask.getpixel((5, 20)) == 0
    assert inputs.mask.getpixel((75, 20)) == 255
    assert inputs.reference.size == (10, 30)


def test_a_mask_needs_an_init_image(tmp_path: Path) -> None:
    with pytest.raises(InvalidTask, match="maskUrl needs initImageUrl"):
        read_inputs(init=None, mask=tmp_path / "m.png", reference=None, canvas=canvas_for(8, 8, 8))


def test_a_broken_picture_is_named_by_its_field(tmp_path: Path) -> None:
    path = tmp_path / "broken.png"
    whole = tmp_path / "whole.png"
    Image.effect_noise((64, 64), 50).save(whole)
    path.write_bytes(whole.read_bytes()[:300])
    with pytest.raises(InvalidTask, match="the picture of refImageUrl cannot be decoded"):
        read_inputs(init=None, mask=None, reference=path, canvas=canvas_for(8, 8, 8))
