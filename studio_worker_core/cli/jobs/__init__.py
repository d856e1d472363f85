"""``studio-worker jobs``: what became of jobs, from the journal of this worker."""

from __future__ import annotations

import typer

from studio_worker_core.cli.jobs.capsules import export
from studio_worker_core.cli.jobs.listing import list_jobs, log, show
from studio_worker_core.cli.jobs.opening import open_result
from studio_worker_core.cli.jobs.replaying import replay

__all__ = ["app"]

app = typer.Typer(
    rich_markup_mode=None,
    no_args_is_help=True,
    help="List, inspect, export and replay the jobs this worker did.",
)
app.command("list")(list_jobs)
app.command()(show)
app.command()(log)
app.command("open")(open_result)
app.command()(export)
app.command()(replay)
