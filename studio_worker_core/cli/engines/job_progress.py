"""How far a local job is: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator

import typer

from studio_worker_core.cli.terminal import error_console, is_terminal

__all__ = ["job_progress"]

_LINE_SECONDS = 10.0

OnProgress = Callable[[float, str | None], None]


@contextlib.contextmanager
def job_progress(what: str, *, quiet: bool = False) -> Iterator[OnProgress]:
    """Something to call with the fraction done (0 to 1) and a message; shown on standard
    error."""
    if quiet:
        yield lambda _fraction, _message: None
    elif is_terminal(sys.stderr):
        with _bar(what) as on_progress:
            yield on_progress
    else:
        yield _lines(what)


@contextlib.contextmanager
def _bar(what: str) -> Iterator[OnProgress]:
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    progress = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[message]}", markup=False),
        console=error_console(),
    )
    with progress:
        task = progress.add_task(what, total=1.0, message="starting")

        def on_progress(fraction: float, message: str | None) -> None:
            progress.update(task, completed=fraction, message=message or "")

        yield on_progress


def _lines(what: str) -> OnProgress:
    told = time.monotonic()

    def on_progress(fraction: float, message: str | None) -> None:
        nonlocal told
        if time.monotonic() - told >= _LINE_SECONDS:
            told = time.monotonic()
            typer.echo(f"{what}: {fraction:.0%} {message or ''}".rstrip(), err=True)

    return on_progress
