"""``studio-worker set-threshold``: the most GPU memory one job may need."""

from __future__ import annotations

from typing import Annotated

import typer

from studio_worker_core.cli.invocation import invocation_of
from studio_worker_core.cli.numbers import NegativeArguments
from studio_worker_core.config import ConfigStore

app = typer.Typer(rich_markup_mode=None)


@app.command(cls=NegativeArguments)
def set_threshold(
    ctx: typer.Context,
    gigabytes: Annotated[
        str, typer.Argument(metavar="GB", help="Gigabytes, e.g. 8 or 11.5; 0 takes no GPU jobs.")
    ],
) -> None:
    """Set the most GPU memory one job may need, in gigabytes.

    The studio offers a job only when its estimate is at most this.
    """
    store = ConfigStore(invocation_of(ctx).config_path)
    config = store.set_text("vram_threshold_gb", gigabytes)
    if invocation_of(ctx).verbosity >= 0:
        typer.echo(f"jobs that need up to {config.vram_threshold_gb:g} GB are taken")
