"""Downloads as they go: bars on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import typer

from studio_worker_core.storage.disk import shown_bytes
from studio_worker_core.terminal import error_console, is_terminal

if TYPE_CHECKING:
    from studio_worker_core.models.progress import FileProgress

_STEP = 0.1
_STEP_SECONDS = 10.0

OnFile = Callable[["FileProgress"], None]


@contextlib.contextmanager
def file_progress(*, quiet: bool = False) -> Iterator[OnFile]:
    """Something to call for each step of each file; shown on standard error."""
    if quiet:
        yield _say_nothing
    elif is_terminal(sys.stderr):
        with _bars() as on_file:
            yield on_file
    else:
        yield _Lines()


@contextlib.contextmanager
def _bars() -> Iterator[OnFile]:
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    progress = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=error_console(),
    )
    lock = threading.Lock()
    tasks = {}

    def on_file(file: FileProgress) -> None:
        with lock:
            if file.name not in tasks:
                tasks[file.name] = progress.add_task(file.name, total=file.total)
        progress.update(tasks[file.name], completed=file.done, total=file.total)

    with progress:
        yield on_file


class _Lines:
    """A line for each tenth of a file or each ten seconds, whichever is later."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._told: dict[str, tuple[float, float]] = {}

    def __call__(self, file: FileProgress) -> None:
        with self._lock:
            share = file.done / file.total if file.total else 0.0
            now = time.monotonic()
            last_share, last_time = self._told.get(file.name, (-1.0, 0.0))
            is_due = share - last_share >= _STEP or now - last_time >= _STEP_SECONDS
            if not file.is_complete and not is_due:
                return
            self._told[file.name] = (share, now)
        if file.is_complete:
            typer.echo(f"{file.name}: complete", err=True)
            return
        total = shown_bytes(file.total) if file.total else "?"
        typer.echo(f"{file.name}: {shown_bytes(file.done)} of {total} ({share:.0%})", err=True)


def _say_nothing(file: FileProgress) -> None:
    del file
