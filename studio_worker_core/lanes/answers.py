"""The shapes of JSON answers (protocol §3, JSON results), and what JSON has no words for."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from studio_worker_core.wire.complaints import complaint
from studio_worker_core.wire.tasks import TaskKind

_DEEPEST = 500
"""Lists and mappings inside each other; readers elsewhere give up at about a thousand."""

_LEAST, _MOST = -(2**63), 2**64 - 1


class _Function(Struct, frozen=True):
    name: Annotated[str, Meta(min_length=1)]
    arguments: str | dict[str, Any] = ""


class _ToolCall(Struct, frozen=True):
    function: _Function
    id: str | None = None


class _Message(Struct, frozen=True):
    content: str | None = None
    tool_calls: list[_ToolCall] | None = None


class _Logprob(Struct, frozen=True):
    token: str
    logprob: float


class _Logprobs(Struct, frozen=True):
    content: list[_Logprob] | None = None


class _Choice(Struct, frozen=True):
    message: _Message
    finish_reason: str | None = None
    logprobs: _Logprobs | None = None


class _Chat(Struct, frozen=True):
    choices: Annotated[list[_Choice], Meta(min_length=1)]


class _Segment(Struct, frozen=True):
    start: float
    end: float
    text: str


class _Word(Struct, frozen=True):
    start: float
    end: float
    word: str


class _Transcript(Struct, frozen=True):
    text: str
    language: str | None = None
    duration: float | None = None
    segments: list[_Segment] | None = None
    words: list[_Word] | None = None


# Made at import: two threads that are the first to decode a type end the process (msgspec 0.22).
_SHAPES: Mapping[TaskKind, msgspec.json.Decoder[Any]] = {
    TaskKind.LLM: msgspec.json.Decoder(_Chat),
    TaskKind.AUDIO_STT: msgspec.json.Decoder(_Transcript),
}

_Path = tuple["_Path", object] | None
"""The way to a part of an answer: the way to what holds it, and its name or place there."""


def out_of_shape(kind: TaskKind, data: bytes) -> str | None:
    """What a JSON answer lacks as one of ``kind``; None when it is one.

    A chat has ``choices``, each with a ``message`` that has text as ``content``, or
    ``tool_calls``, each with a ``function`` that has a ``name``. A transcript has ``text``; its
    ``segments`` and ``words``, where there are any, have times in seconds. More members are
    nobody's concern.

    :param data: a JSON object.
    """
    shape = _SHAPES.get(kind)
    if shape is None:
        return None
    try:
        answer = shape.decode(data)
    except msgspec.ValidationError as error:
        return complaint(error)
    if isinstance(answer, _Chat):
        for number, choice in enumerate(answer.choices):
            if choice.message.content is None and not choice.message.tool_calls:
                return f"choices[{number}].message: 'content' is missing"
    return None


def unwritable(answer: Mapping[Any, Any]) -> str | None:
    """The first part of an answer that would not be in its JSON as it is here, and why; None
    when there is none. Costs a step for each part."""
    left: list[tuple[_Path, Any, int]] = [(None, answer, 0)]
    while left:
        path, value, depth = left.pop()
        if depth > _DEEPEST:
            return "it is nested too deeply"
        reason = _reason(value)
        if reason is not None:
            return f"{_shown(path)} {reason}"
        left.extend(((path, name), part, depth + 1) for name, part in _parts(value))
    return None


def _reason(value: Any) -> str | None:
    match value:
        case None | bool() | str() | Mapping() | list() | tuple():
            return None
        case int():
            return None if _LEAST <= value <= _MOST else "is a number of more than 64 bits"
        case float():
            return None if math.isfinite(value) else f"is {value}, which is no number in JSON"
        case bytes() | bytearray() | memoryview() | set() | frozenset():
            return f"is of the type {type(value).__name__}, which JSON does not have"
    try:
        msgspec.json.encode(value)
    except (TypeError, ValueError, OverflowError, RecursionError):
        return f"is of the type {type(value).__name__}, which JSON does not have"
    return None


def _parts(value: Any) -> Iterator[tuple[object, Any]]:
    if isinstance(value, Mapping):
        yield from value.items()
    elif isinstance(value, (list, tuple)):
        yield from enumerate(value)


def _shown(path: _Path) -> str:
    names: list[str] = []
    while path is not None:
        path, name = path
        names.append(f"[{name}]" if isinstance(name, int) else f".{str(name)[:40]}")
    return "".join(reversed(names)).removeprefix(".")[:200] or "it"
