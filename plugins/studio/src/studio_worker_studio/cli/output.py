"""Writing answers: JSON for programs, tables on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import typer

from studio_worker_core.foreign_text import printable

_COLOURS = {
    "idle": "green",
    "busy": "cyan",
    "paused": "yellow",
    "offline": "dim",
    "queued": "yellow",
    "claimed": "cyan",
    "done": "green",
    "failed": "red",
    "cancelled": "dim",
}

_WHOLE = frozenset({"job", "worker", "request", "model", "state"})
_FOLDED = 6
"""Narrowest column of other texts."""


def on_terminal() -> bool:
    """Whether a person watches standard output."""
    return sys.stdout.isatty()


def print_table(headings: Sequence[str], rows: Sequence[Sequence[str]], empty: str) -> None:
    """A table; states are coloured on a terminal, where ids stay whole however narrow it is.
    ``empty`` is said when there are no rows."""
    if not rows:
        typer.echo(empty, err=True)
        return
    cells = [[printable(" ".join(cell.split())) for cell in row] for row in rows]
    if not on_terminal():
        typer.echo("\t".join(headings))
        for row in cells:
            typer.echo("\t".join(row))
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    least = 0
    for heading, column in zip(headings, zip(*cells, strict=True), strict=True):
        whole = heading in _WHOLE
        widest = max(map(len, (heading, *column)))
        least += 3 + (widest if whole else min(widest, max(len(heading), _FOLDED)))
        table.add_column(heading, overflow="fold", no_wrap=whole)
    for row in cells:
        table.add_row(*(Text(cell, style=_COLOURS.get(cell, "")) for cell in row))
    console = Console(highlight=False)
    # A line that the terminal wraps is still one to copy from; a cut id is lost.
    console.width = max(console.width, least)
    console.print(table)


def when(stamp: str | None) -> str:
    """An RFC 3339 time as local date and time to the second."""
    if not stamp:
        return "-"
    from datetime import datetime

    return datetime.fromisoformat(stamp).astimezone().strftime("%Y-%m-%d %H:%M:%S")
