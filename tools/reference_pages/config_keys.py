"""The config reference: every key of the config structs with its default and meaning."""

from __future__ import annotations

from typing import Any

import msgspec
import tomlkit

from studio_worker_core.config import Config, settings
from studio_worker_core.config.values import to_toml
from tools.reference_pages.markdown import GENERATED, attribute_docs, class_nodes, plain, table

_OPENING = """# Configuration file

`studio-worker config path` prints where the file is.
`studio-worker config set KEY VALUE` changes a key and keeps your comments.
A running worker reads the file again within a second after it changed; what it needs at its
start (`api_base_url`, `models_root`, the `plugins` table) holds from the next start on.
The file is written with mode 0600, because it holds the worker's credentials.
Keys that this version does not know are kept as they are.

"""

_DEFAULT_OPENING = "## Keys at the top\n\n"


def page() -> str:
    """The whole page."""
    nodes = class_nodes(settings)
    top = _table(Config, attribute_docs(nodes["Config"]), prefix="")
    sections = [_DEFAULT_OPENING + top]
    for field in msgspec.structs.fields(Config):
        if isinstance(field.type, type) and issubclass(field.type, msgspec.Struct):
            node = nodes[field.type.__name__]
            about = plain(field.type.__doc__ or "")
            rows = _table(field.type, attribute_docs(node), prefix=f"{field.name}.")
            sections.append(f"## Table `[{field.name}]`\n\n{about}\n\n{rows}")
    return GENERATED + _OPENING + "\n".join(sections)


def _table(kind: type[msgspec.Struct], docs: dict[str, str], prefix: str) -> str:
    rows = []
    for field in msgspec.structs.fields(kind):
        if isinstance(field.type, type) and issubclass(field.type, msgspec.Struct):
            continue
        meaning = plain(docs.get(field.name, ""))
        if not meaning:
            raise SystemExit(
                f"{kind.__name__}.{field.name} has no docstring in {settings.__file__}"
            )
        rows.append(
            [f"`{prefix}{field.name}`", _type(field.type), _default(field.default), meaning]
        )
    return table(["key", "type", "default", "meaning"], rows)


def _type(annotation: Any) -> str:
    text = str(annotation)
    for part, words in (
        ("dict[str", "tables by name"),
        ("Secret", "secret text"),
        ("tuple[str", "list of texts"),
        ("bool", "true or false"),
        ("float", "number"),
        ("int", "whole number"),
        ("Path", "path"),
        ("str", "text"),
    ):
        if part in text:
            return words
    raise SystemExit(f"no words for the type {text}")


def _default(value: Any) -> str:
    if value is None or value is msgspec.NODEFAULT:
        return "not set"
    if not value and isinstance(value, dict):
        return "none"
    return f"`{tomlkit.item(to_toml(value)).as_string()}`"
