"""How far a local job is: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator

import typer

from studio_worker_core.jobs.job import Job
from studio_worker_core.jobs.listener import JobListener
from studio_worker_core.lanes.request import OnProgress
from studio_worker_core.lanes.results import Result
from studio_worker_core.terminal import error_console, is_terminal

_LINE_SECONDS = 10.0


class _Shown(JobListener[Result]):
    def __init__(self, show: OnProgress) -> None:
        self._show = show

    def progress(self, job: Job, fraction: float, message: str | None) -> None:
        self._show(fraction, message)


@contextlib.contextmanager
def job_progress(what: str, *, quiet: bool = False) -> Iterator[JobListener[Result]]:
    """A listener that shows how far its job is, on standard error."""
    if quiet:
        yield _Shown(lambda _fraction, _message: None)
    elif is_terminal(sys.stderr):
        with _bar(what) as on_progress:
            yield _Shown(on_progress)
    else:
        yield _Shown(_lines(what))


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
