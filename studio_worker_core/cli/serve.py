"""``studio-worker serve``: the worker for this machine alone, without a studio."""

from __future__ import annotations

import typer

from studio_worker_core.cli.run import serve_until_stopped

app = typer.Typer(rich_markup_mode=None)


@app.command()
def serve(ctx: typer.Context) -> None:
    """Serve programs of this machine by the local API until Ctrl-C or SIGTERM; no studio.

    Nothing is registered and nothing is sent anywhere. 'studio-worker api' shows the address.
    """
    serve_until_stopped(ctx, with_studio=False)
