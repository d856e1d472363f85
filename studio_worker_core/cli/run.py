"""``studio-worker run``: the worker itself, in the foreground."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Annotated

import typer

from studio_worker_core.cli.invocation import invocation_of
from studio_worker_core.cli.reporting import TerminalReporter
from studio_worker_core.config import ConfigStore
from studio_worker_core.worker.running import run_worker
from studio_worker_core.worker.shutdown import Shutdown
from studio_worker_core.worker.status import StatusBoard

app = typer.Typer(rich_markup_mode=None)


@app.command()
def run(
    ctx: typer.Context,
    wait_for_lock: Annotated[
        bool,
        typer.Option(
            "--wait-for-lock", help="While another worker runs on this configuration, wait."
        ),
    ] = False,
) -> None:
    """Start the worker: register if needed, then serve jobs until Ctrl-C or SIGTERM.

    The first signal finishes the running job or hands it back within the grace time
    (shutdown_grace_seconds); a second one ends at once.
    """
    serve_until_stopped(ctx, wait_for_lock=wait_for_lock)


def serve_until_stopped(
    ctx: typer.Context, *, wait_for_lock: bool = False, with_studio: bool = True
) -> None:
    """Run the worker of this command line in the foreground; raises as :func:`run_worker`."""
    invocation = invocation_of(ctx)
    board = StatusBoard()
    with ExitStack() as stack:
        shutdown = invocation.shutdown or stack.enter_context(Shutdown())
        reporter = stack.enter_context(TerminalReporter(invocation.verbosity))
        if reporter.draws:
            board.subscribe(reporter.show)
        stack.callback(board.close)
        run_worker(
            ConfigStore(invocation.config_path),
            board=board,
            shutdown=shutdown,
            wait_for_lock=wait_for_lock,
            with_studio=with_studio,
        )
