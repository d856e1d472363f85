"""The demo's proof: right files pass with their facts, wrong ones are told apart."""

from __future__ import annotations

import math
import struct
import wave
from pathlib import Path

import pytest
from PIL import Image

from studio_worker_core.wire.tasks import TaskKind
from studio_worker_studio.demo.plan import DemoJob
from studio_worker_studio.demo.verify import WrongResult, verify


def wanted(
    kind: TaskKind, *, size: tuple[int, int] | None = None, seconds: float | None = None
) -> DemoJob:
    """A job whose result is checked."""
    return DemoJob(name="it", engine="e", model="m", kind=kind, task={}, size=size, seconds=seconds)


def gradient(size: tuple[int, int], shift: int = 0) -> Image.Image:
    """A picture that is not flat; ``shift`` makes another one."""
    row = bytes((x + shift) % 256 for x in range(size[0]))
    return Image.frombytes("L", size, row * size[1]).convert("RGB")


def clip(path: Path, *, frames: int, milliseconds: int) -> Path:
    """An animation of equally long frames."""
    first, *rest = (gradient((32, 16), 9 * index) for index in range(frames))
    first.save(path, save_all=True, append_images=rest, duration=milliseconds, loop=0)
    return path


def tone(path: Path, *, seconds: float, loudness: float) -> Path:
    """A sine in a WAV file."""
    rate = 8000
    samples = (
        int(32767 * loudness * math.sin(2 * math.pi * 440 * n / rate))
        for n in range(int(seconds * rate))
    )
    data = b"".join(struct.pack("<h", sample) for sample in samples)
    with wave.open(str(path), "wb") as sound:
        sound.setparams((1, 2, rate, 0, "NONE", ""))
        sound.writeframes(data)
    return path


@pytest.mark.parametrize("ext", ["png", "webp", "jpg", "avif"])
def test_a_picture_of_the_right_type_and_size_passes(tmp_path: Path, ext: str) -> None:
    path = tmp_path / f"it.{ext}"
    gradient((48, 32)).save(path)
    assert verify(wanted(TaskKind.IMAGE, size=(48, 32)), path) == "48×32"


def test_a_picture_of_another_size_is_wrong(tmp_path: Path) -> None:
    gradient((48, 32)).save(tmp_path / "it.png")
    with pytest.raises(WrongResult, match="48×32 instead of 64×64"):
        verify(wanted(TaskKind.IMAGE, size=(64, 64)), tmp_path / "it.png")


def test_a_picture_whose_name_lies_about_its_type_is_wrong(tmp_path: Path) -> None:
    gradient((8, 8)).save(tmp_path / "it.webp", format="PNG")
    with pytest.raises(WrongResult, match="its bytes are png"):
        verify(wanted(TaskKind.IMAGE), tmp_path / "it.webp")


def test_a_flat_or_damaged_picture_is_wrong(tmp_path: Path) -> None:
    flat, torn = tmp_path / "flat.png", tmp_path / "torn.png"
    Image.new("RGB", (64, 64), "red").save(flat)
    gradient((256, 256)).save(torn)
    torn.write_bytes(torn.read_bytes()[:200])
    with pytest.raises(WrongResult, match="one flat colour"):
        verify(wanted(TaskKind.IMAGE), flat)
    with pytest.raises(WrongResult, match="does not decode"):
        verify(wanted(TaskKind.IMAGE), torn)


@pytest.mark.parametrize("ext", ["gif", "webp"])
def test_an_animation_of_the_right_length_passes(tmp_path: Path, ext: str) -> None:
    path = clip(tmp_path / f"it.{ext}", frames=10, milliseconds=100)
    facts = verify(wanted(TaskKind.VIDEO, size=(32, 16), seconds=1.0), path)
    assert facts == "32×16, 1.00 s, 10 frames"


@pytest.mark.parametrize(
    ("frames", "milliseconds", "complaint"),
    [(10, 200, "lasts 2.00 s instead of 1 s"), (1, 1000, "does not move")],
)
def test_an_animation_that_is_too_long_or_still_is_wrong(
    tmp_path: Path, frames: int, milliseconds: int, complaint: str
) -> None:
    path = clip(tmp_path / "it.gif", frames=frames, milliseconds=milliseconds)
    with pytest.raises(WrongResult, match=complaint):
        verify(wanted(TaskKind.VIDEO, seconds=1.0), path)


@pytest.mark.parametrize(("ext", "codec"), [("mp4", "libx264"), ("webm", "libvpx-vp9")])
def test_a_video_of_the_right_length_passes(tmp_path: Path, ext: str, codec: str) -> None:
    av = pytest.importorskip("av")
    path = tmp_path / f"it.{ext}"
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 32, "yuv420p"
        for index in range(10):
            frame = av.VideoFrame.from_image(gradient((64, 32), 9 * index))
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    facts = verify(wanted(TaskKind.VIDEO, size=(64, 32), seconds=1.0), path)
    assert facts == "64×32, 1.00 s, 10 frames"
    with pytest.raises(WrongResult, match="instead of 3 s"):
        verify(wanted(TaskKind.VIDEO, seconds=3.0), path)


def test_speech_that_is_long_and_loud_enough_passes(tmp_path: Path) -> None:
    path = tone(tmp_path / "it.wav", seconds=1.0, loudness=0.5)
    assert verify(wanted(TaskKind.AUDIO_TTS), path) == "1.00 s, 8000 Hz"


@pytest.mark.parametrize("ext", ["mp3", "ogg", "flac", "opus"])
def test_compressed_speech_passes(tmp_path: Path, ext: str) -> None:
    soundfile = pytest.importorskip("soundfile")
    samples, _ = soundfile.read(tone(tmp_path / "it.wav", seconds=1.0, loudness=0.5))
    path = tmp_path / f"it.{ext}"
    kind = {"opus": ("OGG", "OPUS"), "ogg": ("OGG", "VORBIS")}.get(ext, (ext.upper(), None))
    soundfile.write(path, samples, 8000, format=kind[0], subtype=kind[1])
    assert " s, " in verify(wanted(TaskKind.AUDIO_TTS), path)


@pytest.mark.parametrize(
    ("seconds", "loudness", "complaint"), [(0.1, 0.5, "lasts only"), (1.0, 0.0, "is silent")]
)
def test_speech_that_is_short_or_silent_is_wrong(
    tmp_path: Path, seconds: float, loudness: float, complaint: str
) -> None:
    path = tone(tmp_path / "it.wav", seconds=seconds, loudness=loudness)
    with pytest.raises(WrongResult, match=complaint):
        verify(wanted(TaskKind.AUDIO_TTS), path)


def test_answers_in_json_need_their_text(tmp_path: Path) -> None:
    path = tmp_path / "it.json"
    path.write_text('{"choices": [{"message": {"content": "Hello there"}}]}', "utf-8")
    assert verify(wanted(TaskKind.LLM), path) == "“Hello there”"
    with pytest.raises(WrongResult, match="does not decode"):
        verify(wanted(TaskKind.AUDIO_STT), path)
    path.write_text('{"text": "  "}', "utf-8")
    with pytest.raises(WrongResult, match="no text"):
        verify(wanted(TaskKind.AUDIO_STT), path)
    path.write_text("[]", "utf-8")
    with pytest.raises(WrongResult, match="does not decode"):
        verify(wanted(TaskKind.LLM), path)
