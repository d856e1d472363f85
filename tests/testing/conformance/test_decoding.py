"""What an engine wrote is decoded within bounds."""

from __future__ import annotations

import wave
from pathlib import Path

import pytest
from PIL import Image

from studio_worker_core.media_types import reason_against
from studio_worker_core.testing.conformance.decoding import Undecodable, decode


def test_a_gif_of_a_million_frames_is_given_up_early(tmp_path: Path) -> None:
    frame = b"\x21\xf9\x04\x00\x01\x00\x00\x00\x2c\0\0\0\0\x01\0\x01\0\x00\x02\x02\x44\x01\x00"
    head = b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff"
    path = tmp_path / "many.gif"
    path.write_bytes(head + frame * 1_000_000 + b"\x3b")
    with pytest.raises(Undecodable, match="more than 20000 frames"):
        decode(path, "gif")


@pytest.mark.parametrize("ext", ["png", "gif", "webp"])
def test_a_picture_of_one_colour_is_known(tmp_path: Path, ext: str) -> None:
    for image, flat in ((Image.new("L", (8, 8), 90), True), (Image.linear_gradient("L"), False)):
        path = tmp_path / f"it.{ext}"
        image.save(path)
        assert decode(path, ext).is_flat is flat


def test_a_sound_tells_its_length_and_rate(tmp_path: Path) -> None:
    path = tmp_path / "it.wav"
    with wave.open(str(path), "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", ""))
        sound.writeframes(b"\0\x40" * 4000)
    facts = decode(path, "wav")
    assert (facts.seconds, facts.rate, facts.peak) == (0.5, 8000, 0.5)


def test_json_beyond_all_bounds_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "huge.json"
    path.write_bytes(b"[" + b" " * 20_000_000 + b"]")
    assert reason_against(path, "json") is not None
    path.write_bytes(b"[1]")
    assert reason_against(path, "json") is None
