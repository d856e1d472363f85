"""Checking what a plugin's hooks answered, before anything is built on it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from studio_worker_core.plugin import CapabilityReport, CommandSpec, EngineSpec, TaskKind
from studio_worker_core.wire.tasks import BINARY_KINDS

_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_FACTORY = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")
_EXTENSION = re.compile(r"[a-z0-9]{1,16}")
_MIME = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]*/[a-z0-9][a-z0-9!#$&^_.+-]*")

_MAX_MODELS = 2000
_MAX_TRAIT_BYTES = 16 * 1024

S = TypeVar("S", bound=msgspec.Struct)


class BadAnswer(Exception):
    """A hook's answer cannot be used; the text goes after the hook's name."""


def check_engines(answer: Any) -> tuple[EngineSpec, ...]:
    """The answer of ``studio_worker_engines``. Raises :class:`BadAnswer`."""
    specs = tuple(_checked_engine(item) for item in _items(answer, EngineSpec))
    for name, count in Counter(spec.name for spec in specs).items():
        if count > 1:
            raise BadAnswer(f"offers the engine '{name}' {count} times")
    return specs


def check_extensions(answer: Any) -> dict[str, str]:
    """The answer of ``studio_worker_extensions``. Raises :class:`BadAnswer`."""
    if not isinstance(answer, Mapping):
        raise BadAnswer(f"returned {_named(answer)}, not a mapping of extension to MIME type")
    table = dict(answer)
    for ext, mime in table.items():
        if not isinstance(ext, str) or not _EXTENSION.fullmatch(ext):
            raise BadAnswer(
                f"declares the extension {_shown(ext)}; write it in lower-case letters and "
                "digits, without a dot"
            )
        if not isinstance(mime, str) or len(mime) > 100 or not _MIME.fullmatch(mime):
            raise BadAnswer(f"declares {ext} as {_shown(mime)}, which is not a MIME type")
    return table


def check_report(answer: Any, engines: Sequence[EngineSpec]) -> CapabilityReport:
    """The answer of ``studio_worker_capabilities``. Raises :class:`BadAnswer`."""
    report = _converted(answer, CapabilityReport)
    names = {spec.name for spec in engines}
    served = {kind for spec in engines for kind in spec.models}
    for kind, models in report.models.items():
        if kind not in served:
            raise BadAnswer(f"adds models for {kind.value}, which no engine of the plugin serves")
        _check_models(kind, models, names)
    for key in report.traits:
        if key.partition(".")[0] not in names or "." not in key or len(key) > 512:
            raise BadAnswer(f"has the trait {_shown(key)}; each must start with '<engine>.'")
    try:
        size = len(msgspec.json.encode(report.traits))
    except (TypeError, ValueError, RecursionError) as error:
        raise BadAnswer(f"has traits that are no JSON: {error}") from None
    if size > _MAX_TRAIT_BYTES:
        raise BadAnswer(f"has {size} bytes of traits; at most {_MAX_TRAIT_BYTES} are sent")
    return report


def check_commands(answer: Any) -> tuple[CommandSpec, ...]:
    """The answer of ``studio_worker_commands``. Raises :class:`BadAnswer`."""
    commands = tuple(_converted(item, CommandSpec) for item in _items(answer, CommandSpec))
    for command in commands:
        if not _SLUG.fullmatch(command.name):
            raise BadAnswer(f"names a command {_shown(command.name)}; use letters and hyphens")
        if not _FACTORY.fullmatch(command.app):
            raise BadAnswer(
                f"gives command '{command.name}' the app {_shown(command.app)}; "
                "write 'module:attribute'"
            )
    return commands


def check_offer(engines: Sequence[EngineSpec], extensions: Mapping[str, str]) -> None:
    """Engines that answer with files need an extension. Raises :class:`BadAnswer`."""
    for spec in engines:
        files = [kind.value for kind in spec.kinds if kind in BINARY_KINDS]
        if files and not extensions:
            raise BadAnswer(
                f"engine '{spec.name}' offers {', '.join(files)}, but the plugin declares no "
                "file extension (studio_worker_extensions)"
            )


def _checked_engine(item: Any) -> EngineSpec:
    spec = _converted(item, EngineSpec)
    if not _SLUG.fullmatch(spec.name) or len(spec.name) > 100:
        raise BadAnswer(
            f"names an engine {_shown(spec.name)}; use lower-case letters, digits and hyphens"
        )
    if not _FACTORY.fullmatch(spec.factory):
        raise BadAnswer(
            f"gives engine '{spec.name}' the factory {_shown(spec.factory)}; write 'module:Class'"
        )
    for what, named in (("options", spec.options), ("settings", spec.settings)):
        if named and not _FACTORY.fullmatch(named):
            raise BadAnswer(
                f"gives engine '{spec.name}' the {what} {_shown(named)}; write 'module:Class'"
            )
    if not any(spec.models.values()):
        raise BadAnswer(f"gives engine '{spec.name}' no models")
    if len(spec.version) > 512:
        raise BadAnswer(f"gives engine '{spec.name}' a version of {len(spec.version)} characters")
    for kind, models in spec.models.items():
        _check_models(kind, models, {spec.name})
    return spec


def _check_models(kind: TaskKind, models: Sequence[str], engines: set[str]) -> None:
    if len(models) > _MAX_MODELS:
        raise BadAnswer(f"offers {len(models)} models for {kind.value}; at most {_MAX_MODELS}")
    for name in models:
        if not name.strip() or len(name) > 512 or not name.isprintable():
            raise BadAnswer(f"offers a model named {_shown(name)} for {kind.value}")
        owner, star, rest = name.rpartition(":*")
        if star and not rest and owner not in engines:
            raise BadAnswer(
                f"offers '{name}' for {kind.value}; any-model names start with the engine's own"
            )


def _items(answer: Any, kind: type[S]) -> Sequence[Any]:
    if isinstance(answer, (list, tuple)):
        return answer
    raise BadAnswer(f"returned {_named(answer)}, not a list of {kind.__name__}")


def _converted(item: Any, kind: type[S]) -> S:
    if not isinstance(item, kind):
        raise BadAnswer(f"returned {_named(item)} where {kind.__name__} belongs")
    try:
        return msgspec.convert(msgspec.to_builtins(item), kind)
    except (msgspec.ValidationError, TypeError, ValueError, RecursionError) as error:
        raise BadAnswer(f"returned a bad {kind.__name__}: {error}") from None


def _named(value: Any) -> str:
    return "nothing" if value is None else f"a {type(value).__name__}"


def _shown(value: Any) -> str:
    # A plugin's own __repr__ is foreign code; only plain text is shown as it is.
    return repr(value[:80]) if isinstance(value, str) else _named(value)
