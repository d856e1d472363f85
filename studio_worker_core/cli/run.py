"""``studio-worker run``: the worker itself, in the foreground."""

from __future__ import annotations

import typer

from studio_worker_core.cli.invocation import invocation_of
from studio_worker_core.cli.reporting import TerminalReporter
from studio_worker_core.config import ConfigStore
from studio_worker_core.worker.main import run_worker
from studio_worker_core.worker.shutdown import Shutdown
from studio_worker_core.worker.status import StatusBoard

__all__ = ["app"]

app = typer.Typer(rich_markup_mode=None)


@app.command()
def run(ctx: typer.Context) -> None:
    """Start the worker: register if needed, then serve jobs until Ctrl-C or SIGTERM.

    The first signal finishes the running job or hands it back within the grace time
    (shutdown_grace_seconds); a second one ends at once.
    """
    invocation = invocation_of(ctx)
    board = StatusBoard()
    with Shutdown() as shutdown, TerminalReporter(invocation.verbosity) as reporter:
        board.subscribe(reporter.show)
        run_worker(ConfigStore(invocation.config_path), board=board, shutdown=shutdown)
