"""What an engine wrote is read back in the engine's process before it counts."""

from __future__ import annotations

import io
import struct
import wave
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from studio_worker_core.errors import EngineFailed
from studio_worker_core.lanes import protocol as messages
from studio_worker_core.lanes.engine_host import do_job
from studio_worker_core.pictures import animated_webp, check_animation
from studio_worker_core.plugin import Engine, ImageTask, Job, Model, Output


class _Writer(Engine):
    def __init__(self, name: str, data: bytes) -> None:
        self._name, self._data = name, data

    def generate(self, job: Job[Any]) -> Output:
        path = job.output(self._name)
        path.write_bytes(self._data)
        return path


def _answer(root: Path, ext: str, data: bytes) -> messages.Done | messages.Failed:
    order = messages.Generate("job-1", ImageTask(prompt=""), {}, root, root)
    return do_job(_Writer(ext, data), Model("any"), order, lambda _: None, lambda: False)


def _saved(kind: str, frames: int = 1, **options: Any) -> bytes:
    file = io.BytesIO()
    first, *others = [Image.effect_noise((64, 64), 40 + n).convert("RGB") for n in range(frames)]
    many = {"save_all": True, "append_images": others} if others else {}
    first.save(file, kind, **many, **options)
    return file.getvalue()


_WHOLE: dict[str, tuple[str, Callable[[], bytes]]] = {
    "PNG": ("png", lambda: _saved("PNG")),
    "JPEG": ("jpg", lambda: _saved("JPEG")),
    "WebP": ("webp", lambda: _saved("WEBP")),
    "AVIF": ("avif", lambda: _saved("AVIF")),
    "GIF": ("gif", lambda: _saved("GIF")),
    "BMP": ("bmp", lambda: _saved("BMP")),
    "animated GIF": ("gif", lambda: _saved("GIF", 3, duration=40)),
    "animated WebP": ("webp", lambda: _saved("WEBP", 3, duration=40)),
    "animated PNG": ("apng", lambda: _saved("PNG", 3, duration=40)),
    "a still scene": ("webp", lambda: animated_webp(_saved("WEBP"), (64, 64), 500)),
}


@pytest.mark.parametrize("name", _WHOLE)
def test_a_whole_picture_counts_and_half_of_one_fails_its_job(tmp_path: Path, name: str) -> None:
    ext, make = _WHOLE[name]
    data = make()
    assert isinstance(_answer(tmp_path, ext, data), messages.Done)
    answer = _answer(tmp_path, ext, data[: len(data) // 2])
    assert isinstance(answer, messages.Failed)
    assert answer.because == "engine"
    assert f"result.{ext} cannot be read back" in answer.message


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
@pytest.mark.parametrize("durations", [[0, 0, 0], [40, 0, 40]])
def test_a_frame_that_is_shown_for_no_time_fails_its_job(
    tmp_path: Path, kind: str, durations: list[int]
) -> None:
    answer = _answer(tmp_path, kind.lower(), _saved(kind, 3, duration=durations))
    assert isinstance(answer, messages.Failed)
    assert "shown for no time" in answer.message


def test_what_cannot_be_judged_counts(tmp_path: Path) -> None:
    notes = PngInfo()
    notes.add_text("workflow", "node " * 400_000, zip=True)
    odd = Image.new("RGB", (8, 8)).tobytes()
    for ext, data in (
        ("png", _saved("PNG", pnginfo=notes)),
        ("tif", b"II*\0" + odd),
        ("glb", b"glTF" + odd),
    ):
        assert isinstance(_answer(tmp_path, ext, data), messages.Done)


def test_a_picture_without_sides_fails_its_job(tmp_path: Path) -> None:
    data = _saved("PNG")
    head = data[12:16] + bytes(8) + data[24:29]
    flat = data[:12] + head + struct.pack(">I", zlib.crc32(head)) + data[33:]
    assert isinstance(_answer(tmp_path, "png", flat), messages.Failed)


def test_a_clip_of_another_length_or_size_does_not_count(tmp_path: Path) -> None:
    path = tmp_path / "result.webp"
    path.write_bytes(_saved("WEBP", 3, duration=40))
    check_animation(path, (64, 64), 3, 120)
    for size, frames, milliseconds in (((64, 60), 3, 120), ((64, 64), 2, 120), ((64, 64), 3, 80)):
        with pytest.raises(EngineFailed, match="has 3 frames of 64×64 pixels in 120 ms, not"):
            check_animation(path, size, frames, milliseconds)


_SVG = b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"><path d="M0 0"/></svg>'


@pytest.mark.parametrize("data", [_SVG, b"<svg/>", _SVG.decode().encode("utf-16")])
def test_a_whole_drawing_counts(tmp_path: Path, data: bytes) -> None:
    assert isinstance(_answer(tmp_path, "svg", data), messages.Done)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (_SVG[:-4], "result.svg cannot be read back"),
        (b"a drawing", "result.svg cannot be read back"),
        (b"<html/>", "result.svg is no SVG: its root is 'html'"),
    ],
)
def test_a_drawing_that_is_none_fails_its_job(tmp_path: Path, data: bytes, said: str) -> None:
    answer = _answer(tmp_path, "svg", data)
    assert isinstance(answer, messages.Failed)
    assert answer.because == "engine"
    assert said in answer.message


def test_a_sound_without_a_sound_in_it_fails_its_job(tmp_path: Path) -> None:
    whole = io.BytesIO()
    with wave.open(whole, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(1600))
    assert isinstance(_answer(tmp_path, "wav", whole.getvalue()), messages.Done)
    answer = _answer(tmp_path, "wav", whole.getvalue()[:20])
    assert isinstance(answer, messages.Failed)
    assert "result.wav cannot be read back" in answer.message
