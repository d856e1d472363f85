"""``studio-worker engines``: one module for each thing there is to do with engines."""

from __future__ import annotations

import typer

from studio_worker_core.cli.engines.checking import check
from studio_worker_core.cli.engines.installation import install, sync, uninstall
from studio_worker_core.cli.engines.listing import list_engines, refresh, show
from studio_worker_core.cli.engines.running import run
from studio_worker_core.cli.engines.switching import disable, enable
from studio_worker_core.cli.engines.writing import new

__all__ = ["app"]

app = typer.Typer(
    rich_markup_mode=None,
    no_args_is_help=True,
    help="List, inspect, refresh, check, try out, write, disable and enable engines.",
)
app.command("list")(list_engines)
app.command()(show)
app.command()(refresh)
app.command()(check)
app.command()(run)
app.command()(new)
app.command()(disable)
app.command()(enable)
app.command()(install)
app.command()(uninstall)
app.command()(sync)
