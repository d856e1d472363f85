"""From TOML values and command-line text to settings and back, one key at a time."""

from __future__ import annotations

import difflib
import functools
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar, get_args

import msgspec
from msgspec import Struct
from msgspec.structs import FieldInfo, asdict

from studio_worker_core.config.settings import Config
from studio_worker_core.errors import ConfigError
from studio_worker_core.secrets import Secret
from studio_worker_core.wire.complaints import in_words

S = TypeVar("S", bound=Struct)

_YES = frozenset({"true", "yes", "on", "1"})
_NO = frozenset({"false", "no", "off", "0"})


def config_from_document(document: Mapping[str, Any], path: Path) -> Config:
    """Settings from a parsed file; unknown keys are passed over.

    Raises:
        ConfigError: a value is of the wrong type or out of bounds (``path``, ``key``).
    """
    return _struct_from_table(Config, document, path, prefix="")


def config_keys() -> tuple[str, ...]:
    """Every key there is, in file order; keys in tables are dotted."""
    return tuple(_fields(Config))


def nearest_key(key: str) -> str | None:
    """The key that was probably meant."""
    near = difflib.get_close_matches(key, _fields(Config), n=1)
    return near[0] if near else None


def value_of(config: Config, key: str) -> Any:
    """The value of a dotted key; of an engine's what the file has, or None.

    Raises:
        ConfigError: there is no such key.
    """
    if (inner := engine_key(key)) is not None:
        return config.engines.get(inner[0], {}).get(inner[1])
    _field(key, path=None)
    value: Any = config
    for part in key.split("."):
        value = getattr(value, part)
    return value


def engine_key(key: str) -> tuple[str, str] | None:
    """Engine and setting of a key such as ``engines.formant.rate``; None for any other key."""
    head, _, rest = key.partition(".")
    engine, _, name = rest.partition(".")
    is_one = head == "engines" and engine and name and "." not in name
    return (engine, name) if is_one else None


def unknown_keys(document: Mapping[str, Any]) -> tuple[str, ...]:
    """Dotted keys of the file that this version does not know."""
    known = {*_fields(Config), *(info.name for info in _own_fields(Config))}
    found: list[str] = []
    for key, value in document.items():
        if key not in known:
            found.append(key)
        elif isinstance(value, Mapping) and key not in _fields(Config):
            found += [f"{key}.{name}" for name in value if f"{key}.{name}" not in known]
    return tuple(found)


def value_from_text(key: str, text: str, path: Path) -> Any:
    """Read what an operator typed for ``key``; empty text is None: back to the default.

    Raises:
        ConfigError: no such key, or the text does not fit it.
    """
    info = _field(key, path)
    text = text.strip()
    if not text:
        return None
    raw: Any = text
    wanted = _plain_types(info.type)
    if bool in wanted:
        lower = text.lower()
        raw = True if lower in _YES else False if lower in _NO else text
    elif float in wanted or int in wanted:
        raw = _number(text)
    elif tuple in wanted:
        raw = [part.strip() for part in text.strip("[]").split(",") if part.strip()]
    elif dict in wanted:
        raw = _pairs(text)
    try:
        return _convert(raw, info, path, key)
    except ConfigError as error:
        # What was typed is at fault here, not the file.
        said = str(error).removeprefix(f"{path}: ").replace("got text", f"got {text[:100]!r}")
        raise ConfigError(said, path=path, key=key) from None


def to_toml(value: Any) -> Any:
    """A setting as plain TOML data."""
    if isinstance(value, Secret):
        return value.reveal()
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, tuple):
        return list(value)
    if isinstance(value, Struct):
        return {key: to_toml(item) for key, item in asdict(value).items() if item is not None}
    if isinstance(value, Mapping):
        return {key: to_toml(item) for key, item in value.items()} or None
    return value


def _struct_from_table(kind: type[S], table: Any, path: Path, prefix: str) -> S:
    if not isinstance(table, Mapping):
        key = prefix.rstrip(".")
        raise ConfigError(f"{path}: {key} must be a table, [{key}]", path=path, key=key)
    values: dict[str, Any] = {}
    for info in _own_fields(kind):
        if info.name not in table:
            continue
        raw, key = table[info.name], prefix + info.name
        nested = _nested(info)
        if nested is not None:
            values[info.name] = _struct_from_table(nested, raw, path, f"{key}.")
        elif raw != "" or info.default is not None:
            # An empty optional text is how people blank a value out: it means absent.
            values[info.name] = _convert(raw, info, path, key)
    return kind(**values)


def _convert(raw: Any, info: FieldInfo, path: Path, key: str) -> Any:
    try:
        value = msgspec.convert(raw, info.type, dec_hook=_custom)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{path}: {key}: {in_words(error)}", path=path, key=key) from None
    if isinstance(value, float) and not math.isfinite(value):
        raise ConfigError(f"{path}: {key}: expected a finite number", path=path, key=key)
    return value


def _custom(kind: type, raw: Any) -> Any:
    if not isinstance(raw, str):
        raise TypeError(f"Expected `str`, got `{type(raw).__name__}`")
    if kind is Path:
        try:
            return Path(raw).expanduser()
        except RuntimeError as error:
            raise ValueError(str(error)) from error
    return kind(raw)


@functools.cache  # msgspec evaluates every annotation anew, about 1 ms each time
def _own_fields(kind: type[Struct]) -> tuple[FieldInfo, ...]:
    return msgspec.structs.fields(kind)


@functools.cache
def _fields(kind: type[Struct], prefix: str = "") -> Mapping[str, FieldInfo]:
    found: dict[str, FieldInfo] = {}
    for info in _own_fields(kind):
        nested = _nested(info)
        if nested is None:
            found[prefix + info.name] = info
        else:
            found |= _fields(nested, f"{info.name}.")
    return found


def _nested(info: FieldInfo) -> type[Struct] | None:
    kind = info.type
    return kind if isinstance(kind, type) and issubclass(kind, Struct) else None


def _field(key: str, path: Path | None) -> FieldInfo:
    fields = _fields(Config)
    if key in fields:
        return fields[key]
    near = nearest_key(key)
    hint = f"did you mean {near}?" if near else "'studio-worker config show' lists them all"
    raise ConfigError(f"there is no setting named {key!r}; {hint}", path=path, key=key)


def _plain_types(annotation: Any) -> set[type]:
    origin = getattr(annotation, "__origin__", None)
    if annotation is type(None):
        return set()
    if origin in (tuple, dict):
        return {origin}
    if isinstance(annotation, type):
        return {annotation}
    arguments = get_args(annotation)
    if hasattr(annotation, "__metadata__"):
        arguments = arguments[:1]
    return {kind for argument in arguments for kind in _plain_types(argument)}


def _pairs(text: str) -> dict[str, str] | str:
    """``a=b, c=d`` as a table; what is none stays a text."""
    pairs = [part.partition("=") for part in text.strip("{}").split(",") if part.strip()]
    if not all(sign and key.strip() for key, sign, _ in pairs):
        return text
    return {key.strip().strip("\"'"): value.strip().strip("\"'") for key, _, value in pairs}


def _number(text: str) -> int | float | str:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
