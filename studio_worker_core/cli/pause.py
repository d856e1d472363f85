"""``studio-worker pause`` and ``resume``: whether the worker takes new jobs."""

from __future__ import annotations

import typer

from studio_worker_core.cli.invocation import invocation_of
from studio_worker_core.config import ConfigStore

__all__ = ["pause_app", "resume_app"]

pause_app = typer.Typer(rich_markup_mode=None)
resume_app = typer.Typer(rich_markup_mode=None)


@pause_app.command()
def pause(ctx: typer.Context) -> None:
    """Take no new jobs until 'resume'; a running job is finished.

    Holds for a worker that runs now and for later starts.
    """
    _set(ctx, paused=True, said="paused: no new jobs are taken until 'studio-worker resume'")


@resume_app.command()
def resume(ctx: typer.Context) -> None:
    """Take new jobs again after 'pause'."""
    _set(ctx, paused=False, said="jobs are taken again")


def _set(ctx: typer.Context, *, paused: bool, said: str) -> None:
    ConfigStore(invocation_of(ctx).config_path).update(paused=paused)
    if invocation_of(ctx).verbosity >= 0:
        typer.echo(said)
