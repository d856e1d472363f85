"""What the demo shows: a progress bar while it works, a table when it is done."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

import typer

from studio_worker_core.terminal import error_console, is_terminal, print_table
from studio_worker_studio.demo.jobs import DemoResult

if TYPE_CHECKING:
    from rich.progress import Progress


class ProgressReport:
    """A progress bar on a terminal, one line a job elsewhere, nothing with ``quiet``."""

    def __init__(self, total: int, *, quiet: bool) -> None:
        self._total = total
        self._quiet = quiet
        self._count = 0
        self._bar: Progress | None = None

    def __enter__(self) -> ProgressReport:
        if not self._quiet and is_terminal(sys.stderr):
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

            self._bar = Progress(
                TextColumn("{task.description}", markup=False),
                BarColumn(),
                MofNCompleteColumn(),
                console=error_console(),
                transient=True,
            )
            self._bar.start()
            self._task = self._bar.add_task("starting a studio and a worker", total=self._total)
        else:
            self.say("starting a studio and a worker")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Take the bar away, for what is written next; harmless a second time."""
        if self._bar is not None:
            self._bar.stop()

    def say(self, message: str) -> None:
        """What happens now."""
        if self._bar is not None:
            self._bar.update(self._task, description=message)
        elif not self._quiet:
            typer.echo(message, err=True)

    def finished(self, outcome: DemoResult) -> None:
        """One job ended."""
        self._count += 1
        if self._bar is not None:
            self._bar.update(self._task, advance=1, description=_label(outcome))
        elif not self._quiet:
            verdict = "right" if outcome.problem is None else "WRONG"
            typer.echo(f"[{self._count}/{self._total}] {_label(outcome)}: {verdict}", err=True)


def print_outcomes(outcomes: Sequence[DemoResult]) -> None:
    """The table of all jobs, on standard output."""
    rows = [
        [
            outcome.job_id,
            outcome.job.engine,
            outcome.job.model,
            outcome.job.kind.value,
            f"{outcome.seconds:.2f} s",
            _bytes(outcome.file),
            outcome.file.name if outcome.file else "-",
            outcome.facts if outcome.problem is None else "WRONG, see below",
        ]
        for outcome in outcomes
    ]
    headings = ("job", "engine", "model", "kind", "time", "size", "file", "found in it")
    styles = ["red" if outcome.problem else None for outcome in outcomes]
    print_table(headings, rows, styles=styles)


def _label(outcome: DemoResult) -> str:
    wanted = f" {outcome.job.ext}" if outcome.job.ext else ""
    return f"{outcome.job.engine} {outcome.job.kind.value}{wanted}"


def _bytes(file: Path | None) -> str:
    if file is None or not file.exists():
        return "-"
    size = file.stat().st_size
    return f"{size} B" if size < 1024 else f"{size / 1024:.1f} KiB"
