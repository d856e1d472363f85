"""``studio-worker pause`` and ``resume``: whether the worker that runs takes new jobs."""

from __future__ import annotations

from typing import Annotated

import typer

from studio_worker_core.cli.invocation import invocation_of
from studio_worker_core.cli.status import running_worker
from studio_worker_core.config import ConfigStore
from studio_worker_core.errors import NotRunning
from studio_worker_core.worker.run_state import set_paused

pause_app = typer.Typer(rich_markup_mode=None)
resume_app = typer.Typer(rich_markup_mode=None)


@pause_app.command()
def pause(
    ctx: typer.Context,
    unload: Annotated[
        bool,
        typer.Option("--unload", help="Free the memory: unload every model until then."),
    ] = False,
) -> None:
    """Let the running worker take no new jobs until 'resume'; a running job is finished.

    Holds for this run only. To start paused, set 'paused' in the configuration. What --unload
    unloads and is to be kept loaded comes back with 'resume'.
    """
    freed = ", and its models are unloaded" if unload else ""
    _set(
        ctx,
        paused=True,
        unload=unload,
        said=f"paused: no new jobs are taken until 'studio-worker resume' or the next start{freed}",
    )


@resume_app.command()
def resume(ctx: typer.Context) -> None:
    """Let the running worker take new jobs again after 'pause'."""
    _set(ctx, paused=False, said="jobs are taken again")


def _set(ctx: typer.Context, *, paused: bool, said: str, unload: bool = False) -> None:
    store = ConfigStore(invocation_of(ctx).config_path)
    pid = running_worker(store.lock_path)
    if pid is None:
        value = str(paused).lower()
        raise NotRunning(
            f"no worker runs on {store.directory}; how it starts is a setting: "
            f"'studio-worker config set paused {value}'",
            path=store.lock_path,
        )
    set_paused(store.lock_path, pid, paused, unload=unload)
    if invocation_of(ctx).verbosity >= 0:
        typer.echo(said)
