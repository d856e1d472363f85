"""Types and sizes, as the first bytes of a file tell them."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio_worker_core.media_types import audio_type, image_type
from studio_worker_core.models.picture_size import BrokenPicture, picture_size
from tests.models.samples import picture, sound


@given(st.binary(max_size=64))
def test_any_bytes_have_at_most_one_type(head: bytes) -> None:
    assert image_type(head) is None or audio_type(head) is None


@pytest.mark.parametrize(
    ("head", "ext"),
    [
        (sound()[:64], "wav"),
        (b"ID3\x04" + bytes(60), "mp3"),
        (b"\xff\xfb\x90\x64" + bytes(60), "mp3"),
        (b"OggS" + bytes(60), "ogg"),
        (b"fLaC" + bytes(60), "flac"),
        (b"\0\0\0\x20ftypM4A " + bytes(50), "m4a"),
        (b"\0\0\0\x20ftypisom" + bytes(50), "m4a"),
        (b"\x1a\x45\xdf\xa3" + bytes(60), "webm"),
        (b"\xff\xff\xff\xff" + bytes(60), None),
        (b"\xff\xd8\xff\xe0" + bytes(60), None),
        (b"\0\0\0\x20ftypavif" + bytes(50), None),
        (b"MZ" + bytes(60), None),
    ],
)
def test_audio_is_told_by_its_first_bytes(head: bytes, ext: str | None) -> None:
    assert audio_type(head) == ext


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "AVIF", "TIFF"])
@pytest.mark.parametrize("size", [(1, 1), (300, 7), (17, 1200)])
def test_the_size_of_a_picture_is_told_from_its_header(
    tmp_path: Path, kind: str, size: tuple[int, int]
) -> None:
    path = tmp_path / "picture"
    path.write_bytes(picture(kind, size))
    ext = image_type(path.read_bytes()[:64])
    assert ext is not None
    with path.open("rb") as file:
        assert picture_size(file, ext, path.stat().st_size) == size


@given(st.sampled_from(["png", "jpg", "webp", "gif", "bmp", "avif", "tiff"]), st.data())
def test_no_header_makes_reading_it_fail_otherwise(kind: str, data: st.DataObject) -> None:
    names = {"jpg": "JPEG"}
    whole = bytearray(picture(names.get(kind, kind.upper())))
    for _ in range(data.draw(st.integers(0, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    cut = whole[: data.draw(st.integers(0, len(whole)))]
    try:
        width, height = picture_size(io.BytesIO(cut), kind, len(cut))
    except BrokenPicture:
        pass
    else:
        assert width > 0
        assert height > 0
