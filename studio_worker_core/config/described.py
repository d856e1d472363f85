"""Every setting with what is known about it: its words, its type, its bounds, its default.

The words are the strings below the attributes in :mod:`.settings`, as on the reference page.
"""

from __future__ import annotations

import ast
import functools
import inspect
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import Struct

from studio_worker_core.config import settings
from studio_worker_core.config.settings import Config

SettingType = Literal[
    "text", "path", "number", "whole number", "true or false", "list", "pairs", "secret", "other"
]

AT_START = (
    "api_base_url",
    "models_root",
    "local_api_port",
    "paused",
    "api.enabled",
    "api.listen",
    "api.listen_port",
    "api.hosts",
    "api.tls_cert",
    "api.tls_key",
    "api.tls_self_signed",
    "plugins.disabled",
    "plugins.installed",
    "plugins.isolated",
)
"""Keys that are read when a worker starts; it follows all others while it runs."""

WRITTEN_BY_COMMANDS = ("plugins.installed", "plugins.isolated")
"""Keys that commands write after they did what the keys say."""

_LITERAL = re.compile(r"``(.+?)``", re.DOTALL)
_ROLE = re.compile(r":(?:\w+:)?\w+:`~?\.?([^`]+)`")


class SettingInfo(Struct, frozen=True):
    """One key."""

    key: str
    words: str
    """What it does, for people."""
    type: SettingType
    default: Any
    least: float | None = None
    most: float | None = None

    @property
    def table(self) -> str:
        """The table it is in; empty at the top."""
        return self.key.rpartition(".")[0]

    @property
    def is_ours(self) -> bool:
        """Whether the worker or a command writes it, and no person."""
        return "Written by the worker" in self.words or self.key in WRITTEN_BY_COMMANDS


@functools.cache
def described() -> tuple[SettingInfo, ...]:
    """Every key, in file order. Reads a source file, once."""
    nodes = _classes()
    found: list[SettingInfo] = []
    tables: list[SettingInfo] = []
    for field in msgspec.structs.fields(Config):
        kind = field.type
        if isinstance(kind, type) and issubclass(kind, Struct):
            words = _attribute_words(nodes[kind.__name__])
            tables += [
                _info(f"{field.name}.{each.name}", each, words)
                for each in msgspec.structs.fields(kind)
            ]
        else:
            found.append(_info(field.name, field, _attribute_words(nodes["Config"])))
    return (*found, *tables)


@functools.cache
def table_words() -> Mapping[str, str]:
    """What each table is for."""
    return {
        field.name: _plain(inspect.getdoc(field.type) or "")
        for field in msgspec.structs.fields(Config)
        if isinstance(field.type, type) and issubclass(field.type, Struct)
    }


def _info(key: str, field: msgspec.structs.FieldInfo, words: Mapping[str, str]) -> SettingInfo:
    shape = _bare(msgspec.inspect.type_info(field.type))
    kind = _type(shape, str(field.type))
    default = None if field.default is msgspec.NODEFAULT else field.default
    if default is None and field.default_factory is not msgspec.NODEFAULT:
        default = field.default_factory()
    bounds: dict[str, Any] = {}
    if isinstance(shape, msgspec.inspect.IntType | msgspec.inspect.FloatType):
        bounds = {"least": shape.ge, "most": shape.le}
    return SettingInfo(key, _plain(words.get(field.name, "")), kind, default, **bounds)


def _bare(shape: msgspec.inspect.Type) -> msgspec.inspect.Type:
    if isinstance(shape, msgspec.inspect.Metadata):
        return _bare(shape.type)
    if isinstance(shape, msgspec.inspect.UnionType):
        return _bare(next(t for t in shape.types if not isinstance(t, msgspec.inspect.NoneType)))
    return shape


def _type(shape: msgspec.inspect.Type, annotation: str) -> SettingType:
    match shape:
        case _ if "Secret" in annotation:
            return "secret"
        case msgspec.inspect.BoolType():
            return "true or false"
        case msgspec.inspect.IntType():
            return "whole number"
        case msgspec.inspect.FloatType():
            return "number"
        case msgspec.inspect.StrType():
            return "text"
        case msgspec.inspect.CustomType(cls=cls) if issubclass(cls, Path):
            return "path"
        case msgspec.inspect.VarTupleType(item_type=msgspec.inspect.StrType()):
            return "list"
        case msgspec.inspect.DictType(value_type=msgspec.inspect.StrType()):
            return "pairs"
    return "other"


def _classes() -> Mapping[str, ast.ClassDef]:
    tree = ast.parse(inspect.getsource(settings))
    return {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}


def _attribute_words(node: ast.ClassDef) -> dict[str, str]:
    """Attribute → the string right below it."""
    found = {}
    for before, after in zip(node.body, node.body[1:], strict=False):
        match before, after:
            case (
                ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str(text))),
            ):
                found[name] = text
    return found


def _plain(text: str) -> str:
    """Without the marks of a docstring."""
    return " ".join(_ROLE.sub(r"\1", _LITERAL.sub(r"\1", text)).split())
