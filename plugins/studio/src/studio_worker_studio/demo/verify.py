"""Proof that a result is what was asked for: it is decoded, from the first frame to the last."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from studio_worker_core.errors import StudioWorkerError
from studio_worker_core.foreign_text import printable
from studio_worker_core.testing.apart import SECONDS
from studio_worker_core.testing.conformance.decoding import Facts, Undecodable, decode
from studio_worker_core.wire.tasks import BINARY_KINDS, TaskKind
from studio_worker_studio.demo.plan import DemoJob

_SHORTEST_SPEECH_SECONDS = 0.5
_QUIETEST_PEAK = 0.02


class WrongResult(StudioWorkerError):
    """A file does not decode, or is not what its job asked for."""


def verify(job: DemoJob, path: Path, *, seconds: float = SECONDS) -> str:
    """Decode the result of ``job``, in a process of its own that has ``seconds`` for it; a few
    words about what is in it.

    Raises:
        WrongResult: it is not what was asked for, or cannot be decoded within bounds.
    """
    if job.kind not in BINARY_KINDS:
        return printable(_words_of(job.kind, path))
    try:
        facts = decode(path, path.suffix.removeprefix("."), seconds=seconds)
    except Undecodable as error:
        raise WrongResult(printable(str(error))) from None
    _check_size(job, facts)
    match job.kind:
        case TaskKind.IMAGE:
            _require(not facts.is_flat, f"{path.name} is one flat colour")
            return str(facts)
        case TaskKind.AUDIO_TTS:
            return _speech(path, facts)
        case TaskKind.VIDEO:
            return _clip(job, path, facts)
        case _:
            return f"{path.stat().st_size} bytes of {path.suffix.removeprefix('.')}"


def _clip(job: DemoJob, path: Path, facts: Facts) -> str:
    frames, wanted = facts.frames, job.seconds or 0.0
    if frames is None:
        raise WrongResult(f"{path.name} cannot be decoded here: {facts.decoder}")
    _require(frames > 1, f"{path.name} does not move: it has {frames} frame")
    _require(facts.seconds is not None, f"{path.name} has no frame rate")
    lasts = facts.seconds or 0.0
    # One frame either way: containers round the last one.
    _require(
        abs(lasts - wanted) <= wanted / frames,
        f"{path.name} lasts {lasts:.2f} s instead of {wanted:g} s",
    )
    return str(facts)


def _speech(path: Path, facts: Facts) -> str:
    if facts.seconds is None:
        raise WrongResult(f"{path.name} cannot be decoded here: {facts.decoder}")
    short = f"{path.name} lasts only {facts.seconds:.2f} s"
    _require(facts.seconds >= _SHORTEST_SPEECH_SECONDS, short)
    _require(facts.peak is None or facts.peak >= _QUIETEST_PEAK, f"{path.name} is silent")
    return f"{facts.seconds:.2f} s, {facts.rate} Hz"


def _words_of(kind: TaskKind, path: Path) -> str:
    """The beginning of an answer's text."""
    what = "chat answer" if kind is TaskKind.LLM else "transcript"
    try:
        answer: Any = json.loads(path.read_text("utf-8"))
        message = answer["choices"][0]["message"] if kind is TaskKind.LLM else answer
        text = message["content" if kind is TaskKind.LLM else "text"]
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise WrongResult(f"{path.name} does not decode: {error}") from None
    _require(isinstance(text, str) and bool(text.strip()), f"the {what} has no text")
    return f"“{_short(text)}”"


def _check_size(job: DemoJob, facts: Facts) -> None:
    if job.size is not None and facts.size is not None:
        wanted, size = (f"{width}×{height}" for width, height in (job.size, facts.size))
        _require(size == wanted, f"{job.name} is {size} instead of {wanted}")


def _short(text: str, limit: int = 28) -> str:
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def _require(condition: bool, otherwise: str) -> None:
    if not condition:
        raise WrongResult(otherwise)
