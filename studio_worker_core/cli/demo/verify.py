"""Proof that a result is what was asked for: it is decoded, from the first frame to the last."""

from __future__ import annotations

import array
import json
import sys
import wave
from pathlib import Path
from typing import Any

from studio_worker_core.cli.demo.plan import DemoJob
from studio_worker_core.errors import StudioWorkerError
from studio_worker_core.wire.tasks import TaskKind

__all__ = ["WrongResult", "verify"]

_IMAGE_FORMATS = {
    "png": "PNG",
    "webp": "WEBP",
    "jpg": "JPEG",
    "jpeg": "JPEG",
    "avif": "AVIF",
    "gif": "GIF",
    "apng": "PNG",
}
_SHORTEST_SPEECH_SECONDS = 0.5
_QUIETEST_PEAK = 0.02


class WrongResult(StudioWorkerError):
    """A file does not decode, or is not what its job asked for."""


def verify(job: DemoJob, path: Path) -> str:
    """Decode the result of ``job``; a few words about what is in it.

    Raises:
        WrongResult: it is not what was asked for.
    """
    try:
        match job.kind:
            case TaskKind.IMAGE:
                return _check_image(job, path)
            case TaskKind.AUDIO_TTS:
                return _check_speech(path)
            case TaskKind.VIDEO:
                return _check_clip(job, path)
            case TaskKind.LLM:
                return _check_chat(json.loads(path.read_text("utf-8")))
            case TaskKind.AUDIO_STT:
                return _check_transcript(json.loads(path.read_text("utf-8")))
    except WrongResult:
        raise
    except Exception as error:  # decoders are foreign code and raise whatever they like
        raise WrongResult(f"{path.name} does not decode: {error}") from error


def _check_image(job: DemoJob, path: Path) -> str:
    from PIL import Image

    with Image.open(path) as image:
        image.load()
        _require(image.format == _format_of(path), f"{path.name} holds {image.format} data")
        _check_size(job, image.size)
        lowest, highest = image.convert("L").getextrema()
        _require(lowest != highest, f"{path.name} is one flat colour")
        return f"{image.width}×{image.height}"


def _check_clip(job: DemoJob, path: Path) -> str:
    if path.suffix.lstrip(".") in _IMAGE_FORMATS:
        size, frames, seconds = _decode_animation(path)
    else:
        size, frames, seconds = _decode_video(path)
    _check_size(job, size)
    _require(frames > 1, f"{path.name} does not move: it has {frames} frame")
    wanted = job.seconds or 0.0
    # One frame either way: containers round the last one.
    _require(
        abs(seconds - wanted) <= wanted / frames,
        f"{path.name} lasts {seconds:.2f} s instead of {wanted:g} s",
    )
    return f"{size[0]}×{size[1]}, {seconds:.2f} s, {frames} frames"


def _decode_animation(path: Path) -> tuple[tuple[int, int], int, float]:
    from PIL import Image

    with Image.open(path) as image:
        _require(image.format == _format_of(path), f"{path.name} holds {image.format} data")
        frames = getattr(image, "n_frames", 1)
        milliseconds = 0.0
        for index in range(frames):
            image.seek(index)
            image.load()
            milliseconds += float(image.info.get("duration", 0))
        return image.size, frames, milliseconds / 1000


def _decode_video(path: Path) -> tuple[tuple[int, int], int, float]:
    # Imported here: only who installed a plugin for such files has it.
    import av

    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        frames = sum(1 for _ in container.decode(stream))
        rate = stream.average_rate
        _require(rate is not None and rate > 0, f"{path.name} has no frame rate")
        return (stream.width, stream.height), frames, frames / float(rate or 1)


def _check_speech(path: Path) -> str:
    seconds, rate, peak = _decode_wav(path) if path.suffix == ".wav" else _decode_sound(path)
    _require(seconds >= _SHORTEST_SPEECH_SECONDS, f"{path.name} lasts only {seconds:.2f} s")
    _require(peak >= _QUIETEST_PEAK, f"{path.name} is silent")
    return f"{seconds:.2f} s, {rate} Hz"


def _decode_wav(path: Path) -> tuple[float, int, float]:
    with wave.open(str(path), "rb") as sound:
        frames, rate = sound.getnframes(), sound.getframerate()
        _require(sound.getsampwidth() == 2, f"{path.name} is not 16-bit PCM")
        samples = array.array("h", sound.readframes(frames))
    if sys.byteorder == "big":
        samples.byteswap()
    peak = max((abs(sample) for sample in samples), default=0) / 32768
    return frames / rate, rate, peak


def _decode_sound(path: Path) -> tuple[float, int, float]:
    # Imported here: it comes with the plugin that writes such files.
    import soundfile

    samples, rate = soundfile.read(str(path), always_2d=True)
    peak = float(abs(samples).max()) if len(samples) else 0.0
    return len(samples) / rate, int(rate), peak


def _check_chat(answer: Any) -> str:
    text = answer["choices"][0]["message"]["content"]
    _require(isinstance(text, str) and bool(text.strip()), "the chat answer has no text")
    return f"“{_short(text)}”"


def _check_transcript(answer: Any) -> str:
    text = answer["text"]
    _require(isinstance(text, str) and bool(text.strip()), "the transcript has no text")
    return f"“{_short(text)}”"


def _check_size(job: DemoJob, size: tuple[int, int]) -> None:
    if job.size is not None:
        wanted = f"{job.size[0]}×{job.size[1]}"
        _require(size == job.size, f"{job.name} is {size[0]}×{size[1]} instead of {wanted}")


def _format_of(path: Path) -> str:
    ext = path.suffix.lstrip(".")
    return _IMAGE_FORMATS.get(ext, ext.upper())


def _short(text: str, limit: int = 28) -> str:
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def _require(condition: bool, otherwise: str) -> None:
    if not condition:
        raise WrongResult(otherwise)
