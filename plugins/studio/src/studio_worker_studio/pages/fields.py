"""A form for each kind of work, made from the parameters of its task and their bounds."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec
from msgspec import Struct, inspect

from studio_worker_core.wire.tasks import TASKS, TIMESTAMPS, TaskKind
from studio_worker_studio.pages.words import MESSAGE, PICTURES, Words, words_of

Widget = Literal["text", "long", "whole", "number", "tick", "choice", "lines", "json", "picture"]

_LEFT_OUT = frozenset({"options"})
"""Parameters that only one engine has: for programs."""
_TYPES = {
    TaskKind.IMAGE: ("webp", "png", "jpg"),
    TaskKind.VIDEO: ("mp4", "webm", "gif", "webp"),
    TaskKind.AUDIO_TTS: ("wav", "mp3", "ogg", "flac"),
    TaskKind.MESH: ("glb", "obj", "stl"),
}


class Field(Struct, frozen=True):
    """One parameter, as a form asks for it."""

    name: str
    wire: str
    widget: Widget
    words: Words
    default: str = ""
    required: bool = False
    bounds: str = ""
    most: int | None = None
    """Most characters."""
    choices: tuple[str, ...] = ()


@functools.cache
def fields_of(kind: TaskKind) -> tuple[Field, ...]:
    """The fields of a kind, those that are needed first."""
    found = [
        _field(kind, each)
        for each in msgspec.structs.fields(TASKS[kind])
        if each.name not in _LEFT_OUT
    ]
    return tuple(sorted(found, key=lambda field: not field.required))


def parsed(
    fields: Sequence[Field], given: Mapping[str, str]
) -> tuple[dict[str, Any], dict[str, str]]:
    """The task's parameters, as JSON has them, in a form that was sent; and what is wrong with
    it, by field."""
    values: dict[str, Any] = {}
    wrong: dict[str, str] = {}
    for field in fields:
        text = given.get(field.name, "").replace("\r\n", "\n")
        if field.widget == "tick":
            if text:
                values[field.wire] = True
        elif not text.strip():
            if field.required:
                wrong[field.name] = f"{field.words.label} is missing."
        else:
            try:
                values[field.wire] = _value(field, text)
            except ValueError as error:
                wrong[field.name] = f"{field.words.label}: {error}."
    return values, wrong


def values_of(kind: TaskKind, task: Mapping[str, Any]) -> dict[str, str]:
    """What a form of that kind says for a task that was asked before; what is too long for a
    field, such as a picture, is left out."""
    values: dict[str, str] = {}
    for field in fields_of(kind):
        value = task.get(field.wire)
        if field.name == MESSAGE:
            value = value[-1].get("content") if isinstance(value, list) and value else None
        elif field.name == PICTURES:
            value = value[0] if isinstance(value, list) and value else None
        match value:
            case None | False:
                continue
            case True:
                values[field.name] = "yes"
            case str() if not (field.widget == "picture" and value.startswith("data:")):
                values[field.name] = value
            case list() if field.widget == "lines":
                values[field.name] = "\n".join(str(each) for each in value)
            case int() | float():
                values[field.name] = str(value)
            case dict() | list():
                values[field.name] = json.dumps(value, ensure_ascii=False)
    return values


def field_at(kind: TaskKind, path: str) -> Field | None:
    """The field of the task's parameter that ``path`` of an error leads to."""
    top = path.removeprefix("$.").partition(".")[0].partition("[")[0]
    return next((each for each in fields_of(kind) if top in (each.wire, each.name)), None)


def _value(field: Field, text: str) -> Any:
    match field.widget:
        case "whole":
            plain = text.strip()
            if not (plain.lstrip("-").isdecimal() and plain.isascii() and len(plain) < 25):
                raise ValueError("a whole number is needed")
            return int(plain)
        case "number":
            return _number(text.strip())
        case "lines":
            return [line for line in text.split("\n") if line.strip()]
        case "json":
            try:
                return json.loads(text)
            except (ValueError, RecursionError):
                raise ValueError("this is not JSON") from None
        case "long":
            return [{"role": "user", "content": text}] if field.name == MESSAGE else text
        case "picture":
            return [text.strip()] if field.name == PICTURES else text.strip()
    return text.strip()


def _number(text: str) -> float:
    try:
        number = float(text.replace(",", ".")) if len(text) < 40 else float("nan")
    except ValueError:
        number = float("nan")
    if number - number != 0:  # neither infinite nor none
        raise ValueError("a number is needed")
    return number


def _field(kind: TaskKind, each: msgspec.structs.FieldInfo) -> Field:
    words = words_of(kind, each.name)
    shape = _single(inspect.type_info(each.type))
    default = "" if each.default in (None, msgspec.NODEFAULT) else _shown(each.default)
    widget: Widget = "text"
    bounds, most = "", None
    choices: tuple[str, ...] = ()
    match shape:
        case _ if each.name == MESSAGE:
            widget = "long"
        case _ if each.name == PICTURES or each.name.endswith("image_url"):
            widget = "picture"
        case _ if each.name == "mask_url":
            widget = "picture"
        case inspect.BoolType():
            widget = "tick"
        case inspect.IntType() | inspect.FloatType():
            widget = "whole" if isinstance(shape, inspect.IntType) else "number"
            bounds = "" if each.name == "seed" else _bounds(shape)
        case inspect.ListType():
            widget = "lines"
        case inspect.AnyType() | inspect.DictType():
            widget = "json"
        case inspect.StrType():
            most = shape.max_length
            choices = _choices(kind, each.name)
            widget = "choice" if choices else "long" if words.long else "text"
    return Field(
        each.name, each.encode_name, widget, words, default, each.required, bounds, most, choices
    )


def _choices(kind: TaskKind, name: str) -> tuple[str, ...]:
    if name == "timestamps":
        return ("", *TIMESTAMPS)
    return _TYPES.get(kind, ()) if name == "ext" else ()


def _single(shape: inspect.Type) -> inspect.Type:
    """The type itself where there may also be nothing; of several the first."""
    if isinstance(shape, inspect.Metadata):
        return _single(shape.type)
    if isinstance(shape, inspect.UnionType):
        return _single(next(t for t in shape.types if not isinstance(t, inspect.NoneType)))
    return shape


def _bounds(shape: inspect.IntType | inspect.FloatType) -> str:
    low = shape.ge if shape.ge is not None else shape.gt
    high = shape.le if shape.le is not None else shape.lt
    if low is not None and high is not None:
        return f"{_shown(low)} to {_shown(high)}"
    return f"at least {_shown(low)}" if low is not None else ""


def _shown(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
