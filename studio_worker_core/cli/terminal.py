"""Writing for people and for programs: colours only on terminals, JSON and tables as asked."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec
import typer

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["error_console", "is_terminal", "print_json", "print_table"]

_SHORT_CELL = 12


def is_terminal(stream: Any) -> bool:
    """True when a person watches ``stream`` on a terminal that can move its cursor."""
    return bool(stream.isatty()) and os.environ.get("TERM") != "dumb"


def error_console() -> Console:
    """A console on standard error; rich itself honours ``NO_COLOR`` and non-terminals."""
    # Imported here: most commands print a few plain lines and need no rich.
    from rich.console import Console

    return Console(stderr=True, highlight=False, markup=False, emoji=False)


def print_json(value: Any) -> None:
    """Write ``value`` as indented JSON on standard output, the same for every reader."""
    typer.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode("utf-8"))


def print_table(
    headings: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    styles: Sequence[str | None] | None = None,
) -> None:
    """Write a table on standard output.

    On a terminal it is fitted to the width; anywhere else every row is one line with its
    full text, so that ``grep`` and ``cut`` work. ``styles`` gives a rich style to each row.
    """
    if not is_terminal(sys.stdout):
        _print_plain(headings, rows)
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, collapse_padding=True)
    for column, heading in enumerate(headings):
        # Short cells ("0.21 s") stay whole, the long ones share what is left.
        widest = max((len(row[column]) for row in rows), default=0)
        table.add_column(heading, overflow="fold", no_wrap=widest <= _SHORT_CELL)
    for index, row in enumerate(rows):
        table.add_row(*(Text(cell) for cell in row), style=styles[index] if styles else None)
    Console(highlight=False).print(table)


def _print_plain(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    lines = [headings, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(headings))]
    for line in lines:
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        typer.echo("  ".join(cells).rstrip())
