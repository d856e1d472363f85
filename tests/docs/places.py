"""Places in the code as the pages name them: ``file.py``, ``file.py:name``."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec

from tests.docs.blocks import ROOT

_PLACE = re.compile(r"`((?:[\w.<>-]+/)*[\w.<>-]+\.(?:py|toml))(?::([A-Za-z_][\w.]*))?`")
_TOP = ("plugins/", "tests/", "docs/", "pyproject.toml")


class Place(msgspec.Struct, frozen=True):
    """A file, and a name in it."""

    file: str
    """From the top of the repository."""
    name: str | None

    @property
    def is_new(self) -> bool:
        """Whether it stands for a file that somebody is about to write."""
        return "<" in self.file

    @property
    def is_test(self) -> bool:
        """Whether it is one of the tests."""
        return "tests/" in self.file

    def reason_against(self) -> str | None:
        """Why there is no such place; None when there is."""
        if self.is_new:
            return None
        if not (ROOT / self.file).is_file():
            return f"there is no file {self.file}"
        if self.name is not None and self.name not in _names_in(ROOT / self.file):
            return f"{self.file} has no {self.name}"
        return None


def places_in(text: str) -> list[Place]:
    """The places that a piece of Markdown names, in order."""
    found = []
    for file, name in _PLACE.findall(text):
        top = file.startswith(_TOP)
        found.append(Place(file if top else f"studio_worker_core/{file}", name or None))
    return found


def table_rows(text: str, first_header: str) -> list[list[str]]:
    """The cells of the table whose first column is called so, row by row."""
    lines = text.splitlines()
    start = next(n for n, line in enumerate(lines) if line.startswith(f"| {first_header} |"))
    rows = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split(" | ")])
    return rows


@functools.cache
def _names_in(file: Path) -> frozenset[str]:
    return frozenset(_names(ast.parse(file.read_text("utf-8")).body, ""))


def _names(body: list[ast.stmt], prefix: str) -> Iterator[str]:
    for node in body:
        match node:
            case ast.ClassDef(name=name, body=inner):
                yield prefix + name
                yield from _names(inner, f"{prefix}{name}.")
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield prefix + name
            case ast.Assign(targets=targets):
                yield from (prefix + each.id for each in targets if isinstance(each, ast.Name))
            case ast.AnnAssign(target=ast.Name(id=name)):
                yield prefix + name
