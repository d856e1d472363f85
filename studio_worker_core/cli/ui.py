"""``studio-worker ui``: the running worker's own page, signed in."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from studio_worker_core.cli.api_client import LocalApiRefused, RunningApi
from studio_worker_core.cli.invocation import invocation_of
from studio_worker_core.config import ConfigStore
from studio_worker_core.errors import NotRunning, TransportError
from studio_worker_core.local_api.discovery import NAME

app = typer.Typer(rich_markup_mode=None)


@app.command()
def ui(
    ctx: typer.Context,
    print_only: Annotated[
        bool, typer.Option("--print", help="Print the address instead, and open nothing.")
    ] = False,
) -> None:
    """Open the worker's own page in a browser, signed in.

    The address has a code in it, which counts once and for a minute.
    """
    store = ConfigStore(invocation_of(ctx).config_path)
    api = RunningApi(store)
    address = _signed_in(api, store)
    if print_only:
        typer.echo(address)
        return
    if _has_browser() and _opened(address):
        typer.echo(f"The page is at {api.url}; it opens in your browser.")
    else:
        typer.echo(f"No browser was found. Open this within a minute, once:\n{address}")


def _signed_in(api: RunningApi, store: ConfigStore) -> str:
    try:
        said = api.ask("POST", "sign-in-codes")
        return f"{said['url']}?code={said['code']}"
    except (LocalApiRefused, TransportError, KeyError, TypeError):
        raise NotRunning(
            f"the worker's local API at {api.url} does not answer as it should; "
            "'studio-worker status' says how the worker is",
            path=store.directory / NAME,
        ) from None


def _has_browser() -> bool:
    is_graphical = sys.platform in ("win32", "darwin") or bool(
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    )
    # One that runs in the terminal would take it over; one that was named is meant.
    return is_graphical or bool(os.environ.get("BROWSER"))


def _opened(address: str) -> bool:
    import webbrowser

    return webbrowser.open(address)
