"""``studio-worker ui``: the worker's own page."""

from __future__ import annotations

import typer

from studio_worker_core.errors import StudioWorkerError

app = typer.Typer(rich_markup_mode=None)


@app.command()
def ui() -> None:
    """Open the worker's own page in a browser. This version has none yet.

    'studio-worker status' and the studio's page show what the worker does.
    """
    raise StudioWorkerError(
        "this version has no page of its own yet; 'studio-worker status' shows what the worker "
        "does, and so does the studio's page"
    )
