"""``studio-worker demo``: the whole round on this machine, every result checked."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer

from studio_worker_core.errors import StudioWorkerError
from studio_worker_core.foreign_text import printable
from studio_worker_studio.demo.engines import installed_engines
from studio_worker_studio.demo.jobs import DemoResult, run_jobs
from studio_worker_studio.demo.output import OutputDirectory
from studio_worker_studio.demo.plan import DemoJob, plan_jobs
from studio_worker_studio.demo.report import ProgressReport, print_outcomes
from studio_worker_studio.demo.stage import Stage

app = typer.Typer(rich_markup_mode=None)


@app.command()
def demo(
    ctx: typer.Context,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where the files go.")] = Path(
        "demo-output"
    ),
    keep: Annotated[
        bool, typer.Option("--keep", help="Keep studio and worker running until Ctrl-C.")
    ] = False,
) -> None:
    """Run a studio and a worker on this machine, and one job of every kind.

    Every installed engine works, every file type is made, and each file is checked by
    decoding it. Your own configuration is not touched, and no file in DIR but those of an
    earlier demo is written over. Exits 0 only if all is right.
    """
    quiet = getattr(ctx.obj, "verbosity", 0) < 0
    if threading.current_thread() is threading.main_thread():
        # Stopped by a service manager or a time limit: clean up as for Ctrl-C.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    jobs = _plan()
    directory = OutputDirectory(out)
    started = time.monotonic()
    with (
        _saying_what_stays(f"files that are complete stay in {out}; studio and worker are ended"),
        ProgressReport(len(jobs), quiet=quiet) as report,
        Stage() as stage,
    ):
        report.say(f"queueing {len(jobs)} jobs at {stage.studio_url}")
        outcomes = run_jobs(stage, jobs, directory, report.finished)
        report.stop()
        print_outcomes(outcomes)
        if directory.left_alone:
            names = ", ".join(printable(name) for name in directory.left_alone)
            typer.echo(f"not of a demo, and therefore left in {out}: {names}", err=True)
        wrong = [outcome for outcome in outcomes if outcome.problem is not None]
        if wrong:
            _print_tails(stage, wrong)
        elif not quiet:
            seconds = time.monotonic() - started
            typer.echo(f"{len(outcomes)} files in {out}, all right, in {seconds:.1f} s", err=True)
        if keep:
            _keep(stage)
    if wrong:
        raise typer.Exit(1)


def _plan() -> list[DemoJob]:
    jobs = plan_jobs(installed_engines())
    if not jobs:
        raise StudioWorkerError("no engine is ready; 'studio-worker engines list' says why")
    return jobs


@contextlib.contextmanager
def _saying_what_stays(words: str) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        with contextlib.suppress(OSError):
            typer.echo(words, err=True)
        raise


def _print_tails(stage: Stage, wrong: Sequence[DemoResult]) -> None:
    for outcome in wrong:
        typer.echo(f"{outcome.job.name} ({outcome.job_id}): {outcome.problem}", err=True)
    concerned = [outcome.job_id for outcome in wrong if outcome.job_id]
    for child in stage.children:
        typer.echo(f"what the {child.name} said about it last:", err=True)
        for line in child.tail(about=concerned) or child.tail():
            typer.echo(f"  {line.replace(stage.token, '***')}", err=True)


def _keep(stage: Stage) -> None:
    try:
        typer.echo(
            f"""
The studio stays at {stage.studio_url} until Ctrl-C. In another terminal:
  export STUDIO_URL={stage.studio_url} STUDIO_DATA={stage.token_file.parent}
  studio-worker studio workers
  studio-worker studio submit --help
  studio-worker --config {stage.config_file} status""",
            err=True,
        )
        while True:
            stage.wait(1.0)
    except KeyboardInterrupt:
        typer.echo("stopping", err=True)
