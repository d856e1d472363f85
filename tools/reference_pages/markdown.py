"""Pieces of Markdown that the generated pages are made of."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import ModuleType

GENERATED = "% Made by `make reference`; edit the code it comes from instead.\n\n"

_ROLE = re.compile(r":(?:\w+:)?\w+:`(?P<target>[^`]+)`")
_LITERAL = re.compile(r"``(.+?)``", re.DOTALL)


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; the cells are Markdown already (see :func:`cell`)."""
    lines = [_row(headings), _row(["---"] * len(headings))]
    lines += [_row([cell(text) for text in row]) for row in rows]
    return "\n".join(lines) + "\n"


def cell(text: str) -> str:
    """Text that stays inside one cell of a table."""
    return " ".join(text.split()).replace("|", "\\|")


def plain(text: str) -> str:
    """A docstring's reStructuredText as Markdown: roles and literals become code."""

    def name_of(match: re.Match[str]) -> str:
        target = match["target"].lstrip("~.!")
        # `.Timings.silence` and `~a.b.C` are shown by what a reader looks for: the last names.
        short = target.rpartition(".")[2] if match["target"].startswith(("~", "!")) else target
        return f"`{short}`"

    return _LITERAL.sub(r"`\1`", _ROLE.sub(name_of, text)).strip()


def class_nodes(module: ModuleType) -> dict[str, ast.ClassDef]:
    """The classes of a module's source by name, in its order."""
    source = Path(inspect.getfile(module)).read_text("utf-8")
    tree = ast.parse(source)
    return {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}


def attribute_docs(node: ast.Module | ast.ClassDef | ast.FunctionDef) -> dict[str, str]:
    """Attribute → the string literal written right below it."""
    found: dict[str, str] = {}
    for before, after in zip(node.body, node.body[1:], strict=False):
        match before, after:
            case (
                (
                    ast.AnnAssign(target=ast.Name(id=name) | ast.Attribute(attr=name))
                    | ast.Assign(targets=[ast.Name(id=name) | ast.Attribute(attr=name)])
                ),
                ast.Expr(value=ast.Constant(value=str(text))),
            ):
                found[name] = inspect.cleandoc(text)
    return found


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
