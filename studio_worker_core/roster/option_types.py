"""Describing the parameters and settings of one engine: a struct of its plugin, into data.

Runs in the process that was made for the plugin; see :mod:`.asking`.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct, inspect

from studio_worker_core.plugin import EngineSpec, Place, Secret
from studio_worker_core.roster.hook_answers import BadAnswer
from studio_worker_core.roster.options import OptionSpec, wrong_value
from studio_worker_core.roster.plugin_errors import describe_error
from studio_worker_core.wire.tasks import TASKS

_MOST_OPTIONS = 50
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")


def described_options(engines: Sequence[EngineSpec]) -> dict[str, tuple[OptionSpec, ...]]:
    """Engine → its own parameters. Imports what :attr:`EngineSpec.options` names.

    Raises:
        BadAnswer: what is named cannot be imported, or is nothing that can be described.
    """
    found = {}
    for spec in (each for each in engines if each.options):
        what = f"gives engine '{spec.name}' the options '{spec.options[:100]}', "
        taken = {
            name
            for kind in spec.kinds
            for field in msgspec.structs.fields(TASKS[kind])
            for name in (field.name, field.encode_name)
        }
        found[spec.name] = options = _described(spec.options, what)
        for option in options:
            if option.name in taken:
                raise BadAnswer(f"{what}whose '{option.name}' is a parameter of every such task")
            if option.type == "secret":
                raise BadAnswer(f"{what}whose '{option.name}' is a secret; only settings may be")
    return found


def described_settings(engines: Sequence[EngineSpec]) -> dict[str, tuple[OptionSpec, ...]]:
    """Engine → what the operator may set for it. Imports what :attr:`EngineSpec.settings` names.

    Raises:
        BadAnswer: as :func:`described_options`.
    """
    found = {}
    for spec in (each for each in engines if each.settings):
        what = f"gives engine '{spec.name}' the settings '{spec.settings[:100]}', "
        found[spec.name] = settings = _described(spec.settings, what)
        for setting in settings:
            if setting.name in Place.__struct_fields__:
                raise BadAnswer(f"{what}whose '{setting.name}' every engine has")
            if setting.type == "secret" and setting.default is not None:
                raise BadAnswer(f"{what}whose '{setting.name}' is a secret with a default")
    return found


def _described(named: str, what: str) -> tuple[OptionSpec, ...]:
    module, _, name = named.partition(":")
    try:
        found = getattr(importlib.import_module(module), name)
    except BaseException as error:  # foreign code: sys.exit and an interrupt stay here too
        raise BadAnswer(f"{what}which cannot be imported: {describe_error(error)}") from None
    if not (isinstance(found, type) and issubclass(found, Struct)):
        raise BadAnswer(f"{what}which is not a msgspec.Struct")
    try:
        shape = inspect.type_info(found)
    except Exception as error:  # a struct of a plugin may have any annotation
        raise BadAnswer(f"{what}which cannot be read: {describe_error(error)}") from None
    assert isinstance(shape, inspect.StructType)
    if len(shape.fields) > _MOST_OPTIONS:
        raise BadAnswer(f"{what}with {len(shape.fields)} fields; at most {_MOST_OPTIONS} are taken")
    options = tuple(_option(field, what) for field in shape.fields)
    for option in options:
        if not _NAME.fullmatch(option.name):
            raise BadAnswer(f"{what}whose {option.name[:80]!r} is no plain name")
        if (
            option.type != "secret"
            and option.default is not None
            and (wrong := wrong_value(option, option.default))
        ):
            raise BadAnswer(f"{what}whose default of '{option.name}' does not fit: {wrong}")
    return options


def _option(field: inspect.Field, what: str) -> OptionSpec:
    if field.required or field.default is msgspec.NODEFAULT:
        raise BadAnswer(f"{what}whose '{field.encode_name}' has no plain default")
    words, kind = "", field.type
    while isinstance(kind, inspect.Metadata | inspect.UnionType):
        if isinstance(kind, inspect.Metadata):
            words = words or str((kind.extra_json_schema or {}).get("description", ""))
            kind = kind.type
            continue
        others = [each for each in kind.types if not isinstance(each, inspect.NoneType)]
        if len(others) != 1:
            break
        kind = others[0]
    bounds = _BOUNDS.get(type(kind))
    if bounds is None or (isinstance(kind, inspect.CustomType) and kind.cls is not Secret):
        raise BadAnswer(
            f"{what}whose '{field.encode_name}' is of a type that has no form; use str, int, "
            "float, bool, a Literal or an Enum"
        )
    is_secret = isinstance(field.default, Secret)
    default = "" if is_secret else msgspec.to_builtins(field.default)
    return OptionSpec(field.encode_name, default=default, words=words[:500], **bounds(kind))


def _number(kind: Any) -> dict[str, Any]:
    name = "whole number" if isinstance(kind, inspect.IntType) else "number"
    return {"type": name, "least": kind.ge, "most": kind.le, "above": kind.gt, "below": kind.lt}


_BOUNDS: Mapping[type, Callable[[Any], dict[str, Any]]] = {
    inspect.StrType: lambda kind: {"type": "text", "longest": kind.max_length},
    inspect.BoolType: lambda _: {"type": "true or false"},
    inspect.IntType: _number,
    inspect.FloatType: _number,
    inspect.LiteralType: lambda kind: {"type": "choice", "choices": tuple(kind.values)},
    inspect.EnumType: lambda kind: {
        "type": "choice",
        "choices": tuple(each.value for each in kind.cls),
    },
    inspect.CustomType: lambda _: {"type": "secret"},
}
"""What is kept of each type a field may have."""
