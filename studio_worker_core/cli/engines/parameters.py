"""Task parameters from the command line: ``KEY=VALUE`` and options, into a task."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
import typer
from msgspec import Struct

from studio_worker_core.errors import ParameterRefused
from studio_worker_core.jobs import parameters
from studio_worker_core.roster.options import OptionSpec
from studio_worker_core.wire.tasks import Task, TaskKind


class Given(Struct, frozen=True):
    """One parameter as a person gave it."""

    value: Any
    option: str
    """What they wrote it with: ``--width``, ``--param denoise``."""


def typed_parameters(pairs: Iterable[str]) -> dict[str, Given]:
    """``key=value`` texts as a mapping. A value that is JSON is taken as such (numbers, true,
    lists), any other as text.

    Raises:
        typer.BadParameter: a text has no ``=``.
    """
    found: dict[str, Given] = {}
    for pair in pairs:
        key, sign, text = pair.partition("=")
        key = key.strip()
        if not sign or not key:
            raise typer.BadParameter(f"'{pair}' is not KEY=VALUE", param_hint="--param")
        value: Any = text
        try:
            value = msgspec.json.decode(text.encode())
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            # Python reads these as numbers, JSON does not.
            if text.strip().lower().lstrip("+-") in ("nan", "inf", "infinity"):
                value = float(text)
        found[key] = Given(value, f"--param {key}")
    return found


def task_given(
    kind: TaskKind, given: Mapping[str, Given], options: Sequence[OptionSpec] = ()
) -> Task:
    """A task of ``kind``; keys may be written as on the wire or as in Python.

    :param options: the parameters that only its engine has.

    Raises:
        typer.BadParameter: an unknown key, a missing one, or a value of the wrong type, said
            in the words of the option.
    """
    try:
        values = {key: each.value for key, each in given.items()}
        return parameters.task_from(kind, values, options)
    except ParameterRefused as error:
        raise _refused(error, given) from None


def parameters_for_any(kinds: Iterable[TaskKind], given: Mapping[str, Given]) -> dict[str, Any]:
    """The values of ``given``, each of which a task of one of ``kinds`` has.

    Raises:
        typer.BadParameter: none has it, or the value is of the wrong type.
    """
    kinds = list(kinds)
    try:
        return {
            key: parameters.value_for_any(kinds, key, each.value) for key, each in given.items()
        }
    except ParameterRefused as error:
        raise _refused(error, given) from None


def _refused(error: ParameterRefused, given: Mapping[str, Given]) -> typer.BadParameter:
    if error.key is not None:
        return typer.BadParameter(str(error), param_hint=given[error.key].option)
    hint = f"; give it with --param {error.missing}=VALUE" if error.missing is not None else ""
    return typer.BadParameter(f"{error}{hint}")
