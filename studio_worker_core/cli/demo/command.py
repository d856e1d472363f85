"""``studio-worker demo``: the whole round on this machine, every result checked."""

from __future__ import annotations

import signal
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from studio_worker_core.cli.demo.jobs import Outcome, run_jobs
from studio_worker_core.cli.demo.plan import DemoJob, plan_jobs
from studio_worker_core.cli.demo.report import ProgressReport, print_outcomes
from studio_worker_core.cli.demo.stage import Stage
from studio_worker_core.cli.exit_codes import ExitCode
from studio_worker_core.cli.installed import installed_engines
from studio_worker_core.cli.invocation import invocation_of
from studio_worker_core.cli.plugin_commands import plugin_commands
from studio_worker_core.config import ConfigStore
from studio_worker_core.errors import PluginError, StudioWorkerError

__all__ = ["app"]

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
    decoding it. Your own configuration is not touched. Exits 0 only if all is right.
    """
    quiet = invocation_of(ctx).verbosity < 0
    if threading.current_thread() is threading.main_thread():
        # Stopped by a service manager or a time limit: clean up as for Ctrl-C.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    jobs = _plan()
    out.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    with ProgressReport(len(jobs), quiet=quiet) as report, Stage() as stage:
        report.say(f"queueing {len(jobs)} jobs at {stage.studio_url}")
        outcomes = run_jobs(stage, jobs, out, report.finished)
        report.stop()
        print_outcomes(outcomes)
        wrong = [outcome for outcome in outcomes if outcome.problem is not None]
        if wrong:
            _print_tails(stage, wrong)
        elif not quiet:
            seconds = time.monotonic() - started
            typer.echo(f"{len(outcomes)} files in {out}, all right, in {seconds:.1f} s", err=True)
        if keep:
            _keep(stage)
    if wrong:
        raise typer.Exit(ExitCode.FAILED)


def _plan() -> list[DemoJob]:
    if "studio" not in plugin_commands():
        raise PluginError("the demo needs a studio; run: pip install 'studio-worker[studio]'")
    with tempfile.TemporaryDirectory() as empty:
        # The worker of the demo starts from an empty config, and so does this look.
        jobs = plan_jobs(installed_engines(ConfigStore(Path(empty) / "config.toml")).entries)
    if not jobs:
        raise StudioWorkerError("no engine is ready; 'studio-worker engines list' says why")
    return jobs


def _print_tails(stage: Stage, wrong: Sequence[Outcome]) -> None:
    for outcome in wrong:
        typer.echo(f"{outcome.job.name} ({outcome.job_id}): {outcome.problem}", err=True)
    concerned = [outcome.job_id for outcome in wrong if outcome.job_id]
    for child in stage.children:
        typer.echo(f"what the {child.name} said about it last:", err=True)
        for line in child.tail(about=concerned) or child.tail():
            typer.echo(f"  {line.replace(stage.token, '***')}", err=True)


def _keep(stage: Stage) -> None:
    typer.echo(
        f"""
The studio stays at {stage.studio_url} until Ctrl-C. In another terminal:
  export STUDIO_URL={stage.studio_url} STUDIO_DATA={stage.token_file.parent}
  studio-worker studio workers
  studio-worker studio submit --help
  studio-worker --config {stage.config_file} status""",
        err=True,
    )
    try:
        while True:
            stage.wait(1.0)
    except KeyboardInterrupt:
        typer.echo("stopping", err=True)
