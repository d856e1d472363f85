"""Task parameters from the command line: ``KEY=VALUE`` and options, into a task."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
import typer

from studio_worker_core.wire.tasks import (
    AudioSttTask,
    AudioTtsTask,
    ImageTask,
    LlmTask,
    Task,
    TaskKind,
    VideoTask,
)

__all__ = ["task_from", "typed_parameters"]

_TASKS: Mapping[TaskKind, type[Task]] = {
    TaskKind.IMAGE: ImageTask,
    TaskKind.LLM: LlmTask,
    TaskKind.AUDIO_STT: AudioSttTask,
    TaskKind.AUDIO_TTS: AudioTtsTask,
    TaskKind.VIDEO: VideoTask,
}


def typed_parameters(pairs: Iterable[str]) -> dict[str, Any]:
    """``key=value`` texts as a mapping. A value that is JSON is taken as such (numbers, true,
    lists), any other as text.

    Raises:
        typer.BadParameter: a text has no ``=``.
    """
    found: dict[str, Any] = {}
    for pair in pairs:
        key, sign, text = pair.partition("=")
        if not sign or not key.strip():
            raise typer.BadParameter(f"'{pair}' is not KEY=VALUE")
        try:
            found[key.strip()] = msgspec.json.decode(text.encode())
        except (msgspec.DecodeError, UnicodeError):
            found[key.strip()] = text
    return found


def task_from(kind: TaskKind, given: Mapping[str, Any]) -> Task:
    """A task of ``kind``; keys may be written as on the wire or as in Python.

    Raises:
        typer.BadParameter: an unknown key, a missing one, or a value of the wrong type.
    """
    fields = msgspec.structs.fields(_TASKS[kind])
    names = {n: f.encode_name for f in fields for n in (f.name, f.encode_name)}
    wire: dict[str, Any] = {}
    for key, value in given.items():
        name = names.get(key.replace("-", "_"), names.get(key))
        if name is None:
            known = ", ".join(field.encode_name for field in fields)
            raise typer.BadParameter(f"a task of kind {kind.value} has no '{key}'; it has {known}")
        wire[name] = value
    try:
        return msgspec.convert({"kind": kind.value, **wire}, _TASKS[kind], strict=False)
    except msgspec.ValidationError as error:
        raise typer.BadParameter(str(error)) from None
