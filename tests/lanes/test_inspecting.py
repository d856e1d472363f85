"""What an engine's process finds in its result after it was handed over."""

from __future__ import annotations

import array
import hashlib
import io
import math
import os
import queue
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from studio_worker_core.lanes import inspecting, thumbnails
from studio_worker_core.lanes import protocol as messages
from studio_worker_core.lanes.inspecting import Inspector
from studio_worker_core.lanes.live import Inspection, LiveOutput, Wanted
from studio_worker_core.lanes.passing_on import Inspections
from studio_worker_core.lanes.thumbnails import MAX_BYTES, MAX_SIDE, thumbnail_of
from studio_worker_core.plugin import ImageTask
from tests.support.lane_bench import LaneBench

INSPECTION = Wanted(inspection=True)


def _png(width: int, height: int, colour: tuple[int, ...] = (200, 30, 30)) -> bytes:
    made = io.BytesIO()
    Image.new("RGBA" if len(colour) == 4 else "RGB", (width, height), colour).save(made, "PNG")
    return made.getvalue()


def _noise(side: int) -> bytes:
    made = io.BytesIO()
    Image.frombytes("RGB", (side, side), os.urandom(side * side * 3)).save(made, "PNG")
    return made.getvalue()


def _gif() -> bytes:
    frames = [Image.new("RGB", (40, 20), colour) for colour in ("red", "green", "blue")]
    made = io.BytesIO()
    frames[0].save(made, "GIF", save_all=True, append_images=frames[1:], duration=40)
    return made.getvalue()


def _wav(seconds: float = 1.0, channels: int = 1) -> bytes:
    count = int(8000 * seconds)
    samples = array.array(
        "h", (int(20000 * math.sin(n / 9)) for n in range(count) for _ in range(channels))
    )
    made = io.BytesIO()
    with wave.open(made, "wb") as file:
        file.setparams((channels, 2, 8000, count, "NONE", ""))
        file.writeframes(samples.tobytes())
    return made.getvalue()


def _drawn(root: Path, ext: str, data: bytes) -> bytes:
    path = root / f"result.{ext}"
    path.write_bytes(data)
    with path.open("rb") as file:
        return thumbnail_of(file, ext)


@pytest.mark.parametrize(
    ("ext", "make", "size"),
    [
        ("png", lambda: _png(1000, 500), (384, 192)),
        ("png", lambda: _png(30, 20), (30, 20)),
        ("gif", _gif, (40, 20)),
        ("wav", _wav, (384, 128)),
        ("wav", lambda: _wav(30.0, channels=2), (384, 128)),
        ("wav", lambda: _wav(0.001), (384, 128)),
    ],
)
def test_a_result_has_a_small_picture(
    tmp_path: Path, ext: str, make: Callable[[], bytes], size: tuple[int, int]
) -> None:
    data = _drawn(tmp_path, ext, make())
    with Image.open(io.BytesIO(data)) as picture:
        assert (picture.format, picture.size) == ("PNG", size)
        colours = picture.convert("RGB").getcolors(MAX_SIDE * MAX_SIDE)
    assert colours is not None
    assert ext != "wav" or len(colours) == 2, "a wave was drawn"


def test_of_an_animation_the_first_frame_is_shown(tmp_path: Path) -> None:
    with Image.open(io.BytesIO(_drawn(tmp_path, "gif", _gif()))) as picture:
        assert picture.convert("RGB").getpixel((5, 5)) == (255, 0, 0)


def test_what_is_transparent_stays_so(tmp_path: Path) -> None:
    with Image.open(io.BytesIO(_drawn(tmp_path, "png", _png(500, 500, (9, 9, 9, 0))))) as picture:
        assert picture.mode == "RGBA"


def test_of_a_clip_the_first_frame_is_shown_where_there_is_a_decoder(tmp_path: Path) -> None:
    av = pytest.importorskip("av")
    path = tmp_path / "clip.mp4"
    with av.open(path, "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height = 640, 320
        for colour in ("red", "blue"):
            frame = av.VideoFrame.from_image(Image.new("RGB", (640, 320), colour))
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    with path.open("rb") as file:
        data = thumbnail_of(file, "mp4")
    with Image.open(io.BytesIO(data)) as picture:
        assert picture.size == (384, 192)
        red, green, blue = picture.convert("RGB").getpixel((5, 5))  # type: ignore[misc]
    assert red > 200 > 60 > max(green, blue)


@pytest.mark.parametrize("ext", ["flac", "ogg"])
def test_a_packed_sound_is_drawn_where_there_is_a_decoder(tmp_path: Path, ext: str) -> None:
    soundfile = pytest.importorskip("soundfile")
    samples, rate = soundfile.read(io.BytesIO(_wav()))
    made = io.BytesIO()
    soundfile.write(made, samples, rate, format=ext)
    with Image.open(io.BytesIO(_drawn(tmp_path, ext, made.getvalue()))) as picture:
        assert picture.size == (384, 128)


def test_the_noisiest_picture_fits_into_a_message(tmp_path: Path) -> None:
    data = _drawn(tmp_path, "png", _noise(MAX_SIDE))
    assert 0 < len(data) <= MAX_BYTES
    said = messages.Inspected("j" * 200, Inspection("0" * 64, data, {"init_image": "0" * 64}))
    assert len(messages.encode_message(said)) <= messages.MAX_FROM_CHILD


@pytest.mark.parametrize("ext", ["png", "wav", "mp4", "ogg", "glb", "json", "svg", "gif", ""])
@pytest.mark.parametrize("data", [b"", b"nonsense", b"RIFF\0\0\0\0WAVEfmt "])
def test_what_cannot_be_drawn_has_no_picture(tmp_path: Path, ext: str, data: bytes) -> None:
    assert _drawn(tmp_path, ext, data) == b""


def test_a_huge_picture_is_not_decoded_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(thumbnails, "_MOST_PIXELS", 100)
    assert _drawn(tmp_path, "png", _png(11, 10)) == b""
    assert _drawn(tmp_path, "png", _png(10, 10)) != b""


def _inspected(root: Path, wanted: Wanted | None, answer: Any) -> list[Any]:
    (root / "photo").write_bytes(b"photo")
    order = messages.Generate(
        "job-1", ImageTask(prompt=""), {"init_image": root / "photo"}, root, root, wanted
    )
    inspector = Inspector(order, answer)
    for path in root.iterdir():
        path.unlink()  # whoever got the result has moved it, and the inputs are removed
    sent: list[Any] = []
    inspector.report(sent.append)
    return sent


@pytest.mark.skipif(os.name == "nt", reason="there it is looked at before it is handed over")
def test_files_that_have_gone_meanwhile_are_looked_at(tmp_path: Path) -> None:
    data = _png(20, 20)
    (tmp_path / "result.png").write_bytes(data)
    done = messages.Done("job-1", str(tmp_path / "result.png"))
    (said,) = _inspected(tmp_path, INSPECTION, done)
    assert said.found.sha256 == hashlib.sha256(data).hexdigest()
    assert said.found.inputs == {"init_image": hashlib.sha256(b"photo").hexdigest()}
    assert said.found.thumbnail.startswith(b"\x89PNG")


def test_what_nobody_wants_and_what_failed_is_not_looked_at(tmp_path: Path) -> None:
    (tmp_path / "result.png").write_bytes(_png(20, 20))
    done = messages.Done("job-1", str(tmp_path / "result.png"))
    assert _inspected(tmp_path, Wanted(text=True), done) == []
    assert _inspected(tmp_path, None, done) == []
    assert _inspected(tmp_path, INSPECTION, messages.Failed("engine", "no", "job-1")) == []


def test_a_large_file_has_no_digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inspecting, "MOST_HASHED", 4)
    (tmp_path / "result.png").write_bytes(_png(20, 20))
    done = messages.Done("job-1", str(tmp_path / "result.png"))
    (said,) = _inspected(tmp_path, INSPECTION, done)
    assert said.found.sha256 is None
    assert said.found.thumbnail
    assert said.found.inputs == {}


def test_an_engine_process_says_it_after_the_result(bench: LaneBench) -> None:
    heard: queue.SimpleQueue[Inspection] = queue.SimpleQueue()
    live = LiveOutput(inspection=heard.put)
    for _ in range(2):
        task = ImageTask(prompt="ok", width=8, height=8, seed=1)
        result = bench.do(bench.request(task), live)
        found = heard.get(timeout=60)
        assert found.sha256 == hashlib.sha256(result.path.read_bytes()).hexdigest()
        assert found.thumbnail.startswith(b"\x89PNG")
        assert result.peak_bytes is None or 1 << 20 < result.peak_bytes < 1 << 40


def test_only_who_waits_for_an_inspection_hears_it_once() -> None:
    others: list[Any] = []
    first: list[Inspection] = []
    second: list[Inspection] = []
    inspections = Inspections(others.append)
    found = Inspection("0" * 64)
    inspections.expect("job-1", first.append)
    inspections.expect("job-2", second.append)
    for job in ("job-1", "job-1", "job-2", "job-3"):
        inspections.hear(messages.Inspected(job, found))
    inspections.expect("job-4", first.append)
    inspections.expect("job-5", first.append)
    inspections.expect("job-6", first.append)
    inspections.hear(messages.Inspected("job-4", found))
    inspections.hear(messages.Loaded(1.0))
    assert (len(first), len(second)) == (1, 1), "what is older than the last job never comes"
    assert others == [messages.Loaded(1.0)]
