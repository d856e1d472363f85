"""Task parameters as a person or a program names them, into a task."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from studio_worker_core.errors import ParameterRefused
from studio_worker_core.roster.options import OptionSpec, wrong_value
from studio_worker_core.wire.complaints import in_words, place_of
from studio_worker_core.wire.tasks import TASKS, Task, TaskKind, unknown_word

INPUT_PARAMETERS: Mapping[str, str] = {
    "init_image": "init_image_url",
    "mask": "mask_url",
    "ref_image": "ref_image_url",
    "input": "input_url",
    "image": "image_url",
}
"""The parameter that says, by input, that there is one."""

PLAIN_INPUTS: Mapping[TaskKind, str] = {TaskKind.AUDIO_STT: "input", TaskKind.MESH: "image"}
"""What an input without a name is, by kind; an init image for the others."""


def task_from(kind: TaskKind, given: Mapping[str, Any], options: Sequence[OptionSpec] = ()) -> Task:
    """A task of ``kind``; keys may be written as on the wire or as in Python.

    :param options: the parameters that only its engine has; they are keys like the others.

    Raises:
        ParameterRefused: an unknown key, a missing one, or a value of the wrong type.
    """
    fields = msgspec.structs.fields(TASKS[kind])
    names = {n: f.encode_name for f in fields for n in (f.name, f.encode_name)}
    own = {option.name: option for option in options}
    wire: dict[str, Any] = {}
    keys: dict[str, str] = {}
    for key, value in given.items():
        name = names.get(key.replace("-", "_"), names.get(key))
        if name is None and key in own:
            if (wrong := wrong_value(own[key], value)) is not None:
                raise ParameterRefused(wrong, key=key)
            wire["options"] = wire.get("options", {}) | {key: value}
            keys["options"] = key
            continue
        if name is None:
            raise ParameterRefused(_unknown(kind, key, [*names.values()], [*own]), key=key)
        if isinstance(value, float) and not math.isfinite(value):
            raise ParameterRefused(f"{value} is no number to work with", key=key)
        if name == "options" and isinstance(value, dict):
            value = wire.get("options", {}) | value
        wire[name], keys[name] = value, key
    try:
        task = msgspec.convert({"kind": kind.value, **wire}, TASKS[kind], strict=False)
    except msgspec.ValidationError as error:
        raise _refused(error, wire, keys) from None
    if (unknown := unknown_word(task)) is not None:
        raise ParameterRefused(unknown[1], key=keys[unknown[0]])
    return task


def _unknown(kind: TaskKind, key: str, names: Sequence[str], own: Sequence[str]) -> str:
    known = list(dict.fromkeys(names))
    has = f"it has {', '.join(known)}" + (f"; the engine's own: {', '.join(own)}" if own else "")
    near = difflib.get_close_matches(key, [*known, *own], 1)
    meant = f"; did you mean '{near[0]}'?" if near else ""
    return f"a task of kind {kind.value} has no '{key}'{meant or f'; {has}'}"


def value_for_any(kinds: Iterable[TaskKind], key: str, value: Any) -> Any:
    """``value`` as a task of one of ``kinds`` has it under ``key``.

    Raises:
        ParameterRefused: none has it, or the value is of the wrong type.
    """
    kinds = list(kinds)
    types = [
        field.type
        for kind in kinds
        for field in msgspec.structs.fields(TASKS[kind])
        if key in (field.name, field.encode_name)
    ]
    if not types:
        does = " or ".join(kind.value for kind in kinds)
        raise ParameterRefused(f"a task of kind {does} has no '{key}'", key=key)
    try:
        return msgspec.convert(value, types[0], strict=False)
    except msgspec.ValidationError as error:
        raise _refused(error, {"": value}, {"": key}) from None


def _refused(
    error: msgspec.ValidationError, wire: Mapping[str, Any], keys: Mapping[str, str]
) -> ParameterRefused:
    place, words = place_of(error), in_words(error)
    # The library gives no place for what a rule over several fields refuses; the rule does.
    name = re.split(r"[.\[]", place)[0] if place or "" in wire else words.split(" ")[0].strip("'")
    value = wire.get(name)
    if words.startswith("expected") and isinstance(value, str | int | float):
        words = f"{words.partition(', got')[0]}, got {str(value)[:80]!r}"
    inside = f"{place}: " if place not in ("", name) and not isinstance(value, str) else ""
    missing = name if name not in keys and words.endswith("is missing") else None
    return ParameterRefused(f"{inside}{words}", key=keys.get(name), missing=missing)
