from __future__ import annotations

import tempfile
import wave
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from studio_worker_core.media_types import reason_against, sniff
from studio_worker_core.wire.media_types import WELL_KNOWN, mime_for


@pytest.mark.parametrize(
    ("ext", "name"),
    [
        ("png", "PNG"),
        ("jpg", "JPEG"),
        ("jpeg", "JPEG"),
        ("webp", "WEBP"),
        ("gif", "GIF"),
        ("bmp", "BMP"),
        ("tiff", "TIFF"),
        ("avif", "AVIF"),
    ],
)
def test_real_pictures_are_what_they_say(tmp_path: Path, ext: str, name: str) -> None:
    path = tmp_path / f"x.{ext}"
    try:
        Image.new("RGB", (32, 32), "teal").save(path, name)
    except (KeyError, OSError):
        pytest.skip(f"this Pillow cannot write {name}")
    assert reason_against(path, ext) is None
    for other in WELL_KNOWN.keys() - {ext, "jpg", "jpeg", "tif", "tiff", "apng"}:
        assert reason_against(path, other) is not None, other


def test_a_real_wav_is_one(tmp_path: Path) -> None:
    path = tmp_path / "x.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(b"\0\0" * 80)
    assert reason_against(path, "wav") is None
    assert "its bytes are wav" in (reason_against(path, "mp3") or "")


@pytest.mark.parametrize(
    ("head", "ext"),
    [
        (b"ID3\x04\x00", "mp3"),
        (b"\xff\xfb\x90\x64" + bytes(8), "mp3"),
        (b"\xff\xf3\x44\xc4" + bytes(8), "mp3"),
        (b"\xff\xf1\x50\x80" + bytes(8), "aac"),
        (b"OggS" + bytes(24) + b"\x01vorbis", "ogg"),
        (b"OggS" + bytes(24) + b"OpusHead", "opus"),
        (b"fLaC\x00", "flac"),
        (b"\x00\x00\x00\x20ftypisom\x00\x00\x02\x00isomiso2avc1mp41", "mp4"),
        (b"\x00\x00\x00\x14ftypqt  \x00\x00\x02\x00qt  ", "mov"),
        (b"\x00\x00\x00\x1cftypavif\x00\x00\x00\x00avifmif1miaf", "avif"),
        (b"\x00\x00\x00\x1cftypmif1\x00\x00\x00\x00mif1avifmiaf", "avif"),
        (b"\x00\x00\x00\x18ftypM4A \x00\x00\x02\x00M4A isom", "m4a"),
        (b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\x82\x84webm", "webm"),
        (b"\x1a\x45\xdf\xa3\xa3\x42\x86\x81\x01\x42\x82\x88matroska", "mkv"),
    ],
)
def test_sound_and_film_are_known_by_their_first_bytes(
    tmp_path: Path, head: bytes, ext: str
) -> None:
    path = tmp_path / "x"
    path.write_bytes(head)
    assert sniff(path) == ext
    assert reason_against(path, ext) is None


def test_opus_may_be_called_ogg_but_vorbis_not_opus(tmp_path: Path) -> None:
    opus, vorbis = tmp_path / "o", tmp_path / "v"
    opus.write_bytes(b"OggS" + bytes(24) + b"OpusHead")
    vorbis.write_bytes(b"OggS" + bytes(24) + b"\x01vorbis")
    assert reason_against(opus, "ogg") is None
    assert reason_against(vorbis, "opus") is not None


def test_an_unknown_extension_needs_only_some_bytes(tmp_path: Path) -> None:
    path = tmp_path / "x.splat"
    path.write_bytes(b"")
    assert "empty" in (reason_against(path, "splat") or "")
    path.write_bytes(b"?")
    assert reason_against(path, "splat") is None
    assert "no plain file" in (reason_against(tmp_path, "splat") or "")


def test_json_must_be_json(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text('{"a": 1}')
    assert reason_against(path, "json") is None
    path.write_text("{")
    assert reason_against(path, "json") is not None


def test_types_are_those_of_the_protocol() -> None:
    assert mime_for("PNG") == "image/png"
    assert mime_for("wav") == "audio/wav"
    assert mime_for("mp3") == "audio/mpeg"
    assert mime_for("mp4") == "video/mp4"
    assert mime_for("glb") == "model/gltf-binary"
    assert mime_for("splat") == "application/octet-stream"


@given(st.binary(max_size=64), st.sampled_from(sorted(WELL_KNOWN)))
def test_any_bytes_get_an_answer(data: bytes, ext: str) -> None:
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        reason_against(Path(file.name), ext)
