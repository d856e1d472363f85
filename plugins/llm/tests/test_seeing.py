"""Pictures on their way to llama.cpp."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import pytest
from PIL import Image

from studio_worker_core.errors import InvalidTask
from studio_worker_llm.seeing import pictures_of


def shown(url: str) -> Image.Image:
    head, _, data = url.partition(",")
    assert head == "data:image/png;base64"
    return Image.open(io.BytesIO(base64.b64decode(data)))


def test_pictures_come_in_order_upright_and_as_png(tmp_path: Path) -> None:
    inputs = {}
    for number in (10, 2, 1):
        inputs[f"image_{number}"] = path = tmp_path / f"{number}.webp"
        Image.new("RGB", (number, 3), "red").save(path, lossless=True)
    turned = Image.Exif()
    turned[0x0112] = 6
    inputs["image_11"] = tmp_path / "turned.jpg"
    Image.new("RGB", (40, 30)).save(inputs["image_11"], exif=turned)
    found = [shown(url) for url in pictures_of({**inputs, "input": tmp_path / "other"})]
    assert [picture.size for picture in found] == [(1, 3), (2, 3), (10, 3), (30, 40)]
    assert found[0].convert("RGB").getpixel((0, 0)) == (255, 0, 0)


def test_a_picture_that_is_none_is_named(tmp_path: Path) -> None:
    path = tmp_path / "page"
    path.write_bytes(b"<html>")
    with pytest.raises(InvalidTask, match="images"):
        pictures_of({"image_1": path})
