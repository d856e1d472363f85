"""A form for each kind of work, made from the parameters of its task and their bounds."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec
from msgspec import Struct, inspect

from studio_worker_core.local_api.page.words import INPUTS, Words, words_of
from studio_worker_core.local_api.work import Served
from studio_worker_core.models.inputs import AUDIO
from studio_worker_core.wire.tasks import TASKS, TIMESTAMPS, TaskKind

Widget = Literal["text", "long", "whole", "number", "tick", "choice", "lines", "json"]

MESSAGE = "message"
"""The field of a chat form: the next thing that is said."""

_INPUT_FIELDS = {
    "image_url": "image",
    "init_image_url": "init_image",
    "input_url": AUDIO,
    "mask_url": "mask",
    "ref_image_url": "ref_image",
}
_CHAT_PICTURE = "image_1"
_MEDIA = {
    TaskKind.IMAGE: ("image/",),
    TaskKind.VIDEO: ("video/", "image/gif", "image/webp"),
    TaskKind.AUDIO_TTS: ("audio/",),
    TaskKind.MESH: ("model/",),
}


class FormField(Struct, frozen=True):
    """One parameter, as a form asks for it."""

    name: str
    """The parameter's, as in Python; of a chat also :data:`MESSAGE`."""
    widget: Widget
    words: Words
    default: str = ""
    required: bool = False
    low: str = ""
    high: str = ""
    most: int | None = None
    """Most characters."""
    choices: tuple[str, ...] = ()
    blank: str = "none"
    """What the empty choice is called."""

    @property
    def bounds(self) -> str:
        """The bounds in words, if any."""
        if self.low and self.high:
            return f"{self.low} to {self.high}"
        return f"At least {self.low}" if self.low else f"At most {self.high}" if self.high else ""


class FileField(Struct, frozen=True):
    """One file that goes with the task."""

    name: str
    """The input's, as engines know it."""
    words: Words
    accept: str
    required: bool = False


class Form(Struct, frozen=True):
    """What a kind of work asks for, in the order of its task."""

    kind: TaskKind
    fields: tuple[FormField, ...]
    files: tuple[FileField, ...]


_FOR_PROGRAMS = frozenset({"tools", "tool_choice", "top_logprobs"})
"""Parameters that a person has no use for: nobody answers what is called."""


@functools.cache
def form_of(kind: TaskKind) -> Form:
    """The form of ``kind``, without what depends on the model."""
    fields, files = [], []
    for each in msgspec.structs.fields(TASKS[kind]):
        if each.name == "options":
            continue  # each of them has a field of its own, which its engine describes
        required = each.required
        if each.name in _FOR_PROGRAMS:
            continue
        if each.name in _INPUT_FIELDS:
            files.append(_file(_INPUT_FIELDS[each.name], required=required))
        elif each.name == "images":
            words = Words("Picture", "One that the model should look at.")
            files.append(FileField(_CHAT_PICTURE, words, "image/png,image/jpeg,image/webp"))
        elif each.name == "messages":
            words = Words("Message", long=True, plain=True)
            fields.append(FormField(MESSAGE, "long", words, required=True))
        else:
            fields.append(_field(kind, each))
    fields.sort(key=lambda field: not field.required)
    return Form(kind, tuple(fields), tuple(files))


def for_model(form: Form, model: Served) -> tuple[FormField, ...]:
    """The fields of ``form`` as they are with ``model``: its types, its usual size and steps."""
    return tuple(_with_model(field, form.kind, model) for field in form.fields)


def extensions_of(kind: TaskKind, model: Served) -> tuple[str, ...]:
    """The types that an engine writes for that kind of work."""
    from studio_worker_core.wire.media_types import mime_for

    wanted = _MEDIA.get(kind, ())
    return tuple(sorted(ext for ext in model.extensions if mime_for(ext).startswith(wanted)))


def parsed(
    fields: Sequence[FormField], given: Mapping[str, str]
) -> tuple[dict[str, Any], dict[str, str]]:
    """The task's parameters in a form that was sent, and what is wrong with it, by field."""
    values: dict[str, Any] = {}
    wrong: dict[str, str] = {}
    for field in fields:
        text = given.get(field.name, "").replace("\r\n", "\n")
        if field.widget == "tick":
            if text:
                values[field.name] = True
            continue
        if not text.strip():
            if field.required:
                wrong[field.name] = f"{field.words.label} is missing."
            continue
        try:
            values[field.name] = value_of(field, text)
        except ValueError as error:
            wrong[field.name] = f"{field.words.label}: {error}."
    return values, wrong


def field_of_wire(kind: TaskKind, wire: str) -> str:
    """The field that a parameter of the wire (``negativePrompt``) is asked for with."""
    top = wire.partition(".")[0].partition("[")[0]
    for each in msgspec.structs.fields(TASKS[kind]):
        if top in (each.encode_name, each.name):
            if each.name == "messages":
                return MESSAGE
            return _INPUT_FIELDS.get(each.name, each.name)
    return top


def value_of(field: FormField, text: str) -> Any:
    """What was typed into a field. Raises :class:`ValueError` with the reason."""
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
        case "choice" | "text":
            return text.strip()
    return text


def _number(text: str) -> float:
    try:
        number = float(text.replace(",", ".")) if len(text) < 40 else float("nan")
    except ValueError:
        number = float("nan")
    if number - number != 0:  # neither infinite nor none
        raise ValueError("a number is needed")
    return number


def _with_model(field: FormField, kind: TaskKind, model: Served) -> FormField:
    own = getattr(model.source.cli_defaults, field.name, None)
    if field.name in ("width", "height", "steps") and own is not None:
        return msgspec.structs.replace(field, default=str(own))
    if field.name == "ext":
        known = extensions_of(kind, model)
        if known:
            default = field.default if field.default in known else known[0]
            return msgspec.structs.replace(field, choices=known, default=default)
    return field


def _file(name: str, *, required: bool) -> FileField:
    accept = "audio/*" if name == AUDIO else "image/*"
    if name == "image":
        accept = "image/png,image/jpeg,image/webp"
    return FileField(name, INPUTS[name], accept, required)


def _field(kind: TaskKind, each: msgspec.structs.FieldInfo) -> FormField:
    words = words_of(kind, each.name)
    shape = _single(inspect.type_info(each.type))
    default = "" if each.default in (None, msgspec.NODEFAULT) else shown(each.default)
    made = FormField(each.name, "text", words, default, each.required)
    match shape:
        case inspect.BoolType():
            return msgspec.structs.replace(made, widget="tick")
        case inspect.IntType() | inspect.FloatType():
            low = shape.ge if shape.ge is not None else shape.gt
            high = shape.le if shape.le is not None else shape.lt
            if each.name == "seed":
                low = high = None  # below 0 draws one, as nothing does
            widget: Widget = "whole" if isinstance(shape, inspect.IntType) else "number"
            return msgspec.structs.replace(made, widget=widget, low=_bound(low), high=_bound(high))
        case inspect.ListType():
            return msgspec.structs.replace(made, widget="lines")
        case inspect.AnyType() | inspect.DictType():
            return msgspec.structs.replace(made, widget="json")
        case inspect.StrType():
            if each.name == "timestamps":
                return msgspec.structs.replace(made, widget="choice", choices=("", *TIMESTAMPS))
            widget = "choice" if each.name == "ext" else "long" if words.long else "text"
            return msgspec.structs.replace(made, widget=widget, most=shape.max_length)
    return made


def _single(shape: inspect.Type) -> inspect.Type:
    """The type itself where there may also be nothing; of several the first."""
    if isinstance(shape, inspect.Metadata):
        return _single(shape.type)
    if isinstance(shape, inspect.UnionType):
        return _single(next(t for t in shape.types if not isinstance(t, inspect.NoneType)))
    return shape


def _bound(number: float | None) -> str:
    return "" if number is None else shown(number)


def shown(value: Any) -> str:
    """A value as it is typed."""
    if isinstance(value, float):
        short = f"{value:g}"
        return short if float(short) == value else repr(value)
    return str(value)
