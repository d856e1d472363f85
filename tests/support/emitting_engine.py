"""An engine that hands over its answer piece by piece, as a test tells it to.

The prompt (the last chat message, the prompt of a picture or transcription) is a script in
JSON: a list of steps, each a list of a word and its argument, done in order. See
:class:`EmittingEngine`.
"""

from __future__ import annotations

import json
import struct
import threading
from pathlib import Path
from typing import Any

import msgspec
from PIL import Image

from studio_worker_core.plugin import (
    AudioSttTask,
    Engine,
    EngineFailed,
    EngineSpec,
    Job,
    LlmTask,
    Output,
    TaskKind,
)
from studio_worker_core.roster.roster import RosterEntry
from studio_worker_core.wire.tasks import MeshTask


class EmittingEngine(Engine):
    """Steps: ``["emit", TEXT]``, ``["wait", PATH]`` until that file is there, ``["take", PATH]``
    which also removes it, ``["progress", FRACTION]``, ``["preview", COLOUR]`` shown until it is
    taken, ``["fail", WORDS]``, ``["answer", TEXT]`` (or ``["answer", {…}]``, the whole JSON) at
    the end, ``["repeat", null]`` its task as JSON in place of it."""

    def generate(self, job: Job[Any]) -> Output:
        answer: Any = ""
        for word, argument in json.loads(_script_of(job.task)):
            match word:
                case "emit":
                    job.emit(text=argument)
                case "wait":
                    _wait(job, Path(argument))
                case "take":
                    _wait(job, Path(argument))
                    Path(argument).unlink()
                case "progress":
                    job.progress(argument)
                case "preview":
                    _show(job, Image.new("RGB", (40, 30), argument))
                case "fail":
                    raise EngineFailed(argument)
                case "repeat":  # what it was asked, as text
                    answer = msgspec.json.encode(job.task).decode()
                case "answer":
                    answer = argument
        return _output(job, answer)


def _wait(job: Job[Any], path: Path) -> None:
    while not path.exists():
        job.check_cancelled()
        _pause()


def _show(job: Job[Any], image: Image.Image) -> None:
    while not job.wants_preview:
        job.check_cancelled()
        _pause()
    job.preview(image)


def _pause() -> None:
    threading.Event().wait(0.01)


def _output(job: Job[Any], answer: Any) -> Output:
    match job.task:
        case LlmTask() if isinstance(answer, str):
            usage = {"prompt_tokens": 3, "completion_tokens": 4}
            message = {"role": "assistant", "content": answer}
            return {"choices": [{"message": message, "finish_reason": "stop"}], "usage": usage}
        case AudioSttTask() if isinstance(answer, str):
            return {"text": answer}
        case LlmTask() | AudioSttTask():
            return dict(answer)
        case MeshTask():
            return _mesh(job)
    path = job.output("png")
    Image.new("RGB", (job.task.width, job.task.height), "teal").save(path)
    return path


def _mesh(job: Job[Any]) -> Path:
    """A model of nothing."""
    text = b'{"asset":{"version":"2.0"}} '
    head = b"glTF" + struct.pack("<III", 2, 20 + len(text), len(text)) + b"JSON"
    path = job.output("glb")
    path.write_bytes(head + text)
    return path


def _script_of(task: Any) -> str:
    match task:
        case MeshTask():
            return "[]"
        case LlmTask():
            return task.messages[-1].content
        case AudioSttTask():
            return task.prompt or "[]"
    return str(task.prompt)


def emitting_entry() -> RosterEntry:
    """The roster entry of the engine ``emitting``, with a model of that name for each kind."""
    kinds = (TaskKind.IMAGE, TaskKind.LLM, TaskKind.AUDIO_STT)
    spec = EngineSpec(
        name="emitting",
        models={kind: [f"emitting-{kind}"] for kind in kinds},
        factory="tests.support.emitting_engine:EmittingEngine",
        chat=("tools", "logprobs"),
    )
    return RosterEntry(
        engine="emitting",
        distribution="emitting-plugin",
        version="1",
        state="ready",
        kinds=spec.kinds,
        models={kind: tuple(models) for kind, models in spec.models.items()},
        extensions={"png": "image/png"},
        spec=spec,
    )
