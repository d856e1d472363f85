"""``studio-worker check-update``: whether there is a newer version, and how to get it."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from studio_worker_core import __version__
from studio_worker_core.cli.invocation import invocation_of

app = typer.Typer(rich_markup_mode=None)


@app.command()
def check_update(
    ctx: typer.Context, as_json: Annotated[bool, typer.Option("--json", help="Write JSON.")] = False
) -> None:
    """Ask the package index for a newer version, and say how this installation gets it.

    Nothing is installed. The index is that of auto_update_feed, else of PIP_INDEX_URL or
    UV_DEFAULT_INDEX, else the Python Package Index.
    """
    from studio_worker_core.config import ConfigStore
    from studio_worker_core.downloads.addresses import shown_url
    from studio_worker_core.terminal import print_json
    from studio_worker_core.updates.index import address_to_ask, newest_release
    from studio_worker_core.updates.installation import how_installed, traces_here
    from studio_worker_core.updates.versions import is_prerelease, order_of

    config = ConfigStore(invocation_of(ctx).config_path).config
    url = address_to_ask(config.auto_update_feed, os.environ)
    tries_out = config.auto_update_prerelease or is_prerelease(__version__)
    latest = newest_release(url, prereleases=tries_out)
    theirs, ours = order_of(latest), order_of(__version__)
    is_newer = theirs is not None and ours is not None and theirs > ours
    installation = how_installed(traces_here(os.environ))
    if as_json:
        print_json(
            {
                "current": __version__,
                "latest": latest,
                "newer": is_newer,
                "source": shown_url(url),
                "installed_with": installation.kind,
                "update": installation.update,
                "update_is_command": installation.is_command,
            }
        )
        return
    if not is_newer:
        typer.echo(f"studio-worker {__version__} is the newest version")
        return
    typer.echo(f"studio-worker {latest} is available; this is {__version__}")
    typer.echo(f"Installed with {installation.kind}. To update:")
    typer.echo(f"  {installation.update}")
    if installation.kind != "source":
        typer.echo("Then 'studio-worker engines sync' brings back plugins that are missing.")
