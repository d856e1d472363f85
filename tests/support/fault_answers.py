"""The answers of the fault engine that no host may accept, and the one it may."""

from __future__ import annotations

import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image

from studio_worker_core.plugin import AudioSttTask, AudioTtsTask, Job, LlmTask, Output, Task

Misdeed = Callable[[Job[Any], list[str]], Output]
"""Does what a fault says; the list holds the fault's arguments."""


def valid_answer(job: Job[Any]) -> Output:
    """A small valid result for any task."""
    match job.task:
        case LlmTask() | AudioSttTask():
            return said(job.task, "ok")
        case AudioTtsTask():
            path = job.output("wav")
            with wave.open(str(path), "wb") as file:
                file.setnchannels(1)
                file.setsampwidth(2)
                file.setframerate(8000)
                file.writeframes(bytes(1600))
            return path
    path = job.output("png")
    Image.new("RGB", (job.task.width, job.task.height), "teal").save(path)
    return path


def said(task: Task, text: str) -> dict[str, Any]:
    """The JSON answer to a task whose text is ``text``."""
    if isinstance(task, LlmTask):
        message = {"role": "assistant", "content": text}
        return {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}
    return {"text": text}


def said_text(answer: Any) -> str:
    """The text of an answer that :func:`said` made, also of one that went over the wire."""
    if "choices" in answer:
        return str(answer["choices"][0]["message"]["content"])
    return str(answer["text"])


def _undeclared(job: Job[Any], arguments: list[str]) -> Output:
    return _written(job.output("xyz"), b"bytes")


def _empty(job: Job[Any], arguments: list[str]) -> Output:
    return _written(job.output("png"), b"")


def _no_file(job: Job[Any], arguments: list[str]) -> Output:
    return job.output("png")


def _outside(job: Job[Any], arguments: list[str]) -> Output:
    return _written(job.scratch / "result.png", b"bytes")


def _symlink(job: Job[Any], arguments: list[str]) -> Output:
    path = job.output("png")
    path.symlink_to(_written(job.scratch / "real.png", b"bytes"))
    return path


def _directory(job: Job[Any], arguments: list[str]) -> Output:
    path = job.output("png")
    path.mkdir()
    return path


def _json(job: Job[Any], arguments: list[str]) -> Output:
    return {"text": "here you are"}


def _nothing(job: Job[Any], arguments: list[str]) -> Output:
    return None  # type: ignore[return-value]


def _not_json(job: Job[Any], arguments: list[str]) -> Output:
    return {"text": "so far so good", "words": [{"word": object()}]}


def _written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def _unlike(job: Job[Any], arguments: list[str]) -> Output:
    return {}


def _no_number(job: Job[Any], arguments: list[str]) -> Output:
    return said(job.task, "ok") | {"usage": {"seconds": float("nan")}}


WRONG_ANSWERS: dict[str, Misdeed] = {
    "directory": _directory,
    "empty": _empty,
    "file": lambda job, _: _written(job.output("png"), b"bytes"),
    "json": _json,
    "nofile": _no_file,
    "nonumber": _no_number,
    "nothing": _nothing,
    "notjson": _not_json,
    "outside": _outside,
    "symlink": _symlink,
    "undeclared": _undeclared,
    "unlike": _unlike,
}
