"""Writing for people and for programs: colours only on terminals, JSON and tables as asked."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TextIO

import msgspec
import typer

from studio_worker_core.foreign_text import printable

if TYPE_CHECKING:
    from rich.console import Console

_SHORT_CELL = 12


def is_terminal(stream: Any) -> bool:
    """True when a person watches ``stream`` on a terminal that can move its cursor."""
    return bool(stream.isatty()) and os.environ.get("TERM") != "dumb"


def error_console(stream: TextIO | None = None) -> Console:
    """A console on standard error, or on ``stream`` that stands for it; rich itself honours
    ``NO_COLOR`` and non-terminals."""
    # Imported here: most commands print a few plain lines and need no rich.
    from rich.console import Console

    return Console(file=stream, stderr=True, highlight=False, markup=False, emoji=False)


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

    On a terminal it is fitted to the width, with the first column whole; one that is too
    narrow for a table gets the rows one below the other. Anywhere else every row is one line
    with its full text, so that ``grep`` and ``cut`` work. ``styles`` gives a rich style to each
    row.
    """
    if not is_terminal(sys.stdout):
        _print_plain(headings, rows)
        return
    from rich.console import Console

    console = Console(highlight=False, markup=False, emoji=False)
    shown = [[printable(cell) for cell in row] for row in rows]
    if _narrowest(headings, shown) > console.width:
        _print_blocks(console, headings, shown, styles)
    else:
        _print_fitted(console, headings, shown, styles)


def _print_fitted(
    console: Console,
    headings: Sequence[str],
    rows: Sequence[Sequence[str]],
    styles: Sequence[str | None] | None,
) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, collapse_padding=True)
    for column, heading in enumerate(headings):
        table.add_column(heading, overflow="fold", no_wrap=_stays_whole(column, rows))
    for index, row in enumerate(rows):
        table.add_row(*map(Text, row), style=styles[index] if styles else None)
    console.print(table)


def _print_blocks(
    console: Console,
    headings: Sequence[str],
    rows: Sequence[Sequence[str]],
    styles: Sequence[str | None] | None,
) -> None:
    """Each row as lines ``heading  cell``, wrapped by the terminal alone."""
    label = max(map(len, headings)) + 2
    for index, row in enumerate(rows):
        if index:
            console.print()
        for heading, cell in zip(headings, row, strict=True):
            if cell:
                style = styles[index] if styles else None
                console.print(f"{heading.ljust(label)}{cell}", style=style, soft_wrap=True)


def _narrowest(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> int:
    """The width below which a table would cut what has to stay whole."""
    from rich.cells import cell_len

    width = 0
    for column, heading in enumerate(headings):
        widest = max((cell_len(row[column]) for row in rows), default=0)
        least = widest if _stays_whole(column, rows) else min(widest, _SHORT_CELL)
        width += max(least, cell_len(heading)) + 2
    return width


def _stays_whole(column: int, rows: Sequence[Sequence[str]]) -> bool:
    """The first column names the row; short cells ("0.21 s") do not break either."""
    return column == 0 or all(len(row[column]) <= _SHORT_CELL for row in rows)


def _print_plain(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    lines = [headings, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(headings))]
    for line in lines:
        cells = (printable(cell).ljust(width) for cell, width in zip(line, widths, strict=True))
        typer.echo("  ".join(cells).rstrip())
