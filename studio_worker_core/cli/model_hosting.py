"""``studio-worker models load``, ``unload`` and ``ps``: what the running worker keeps loaded."""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer

from studio_worker_core.cli.invocation import invocation_of
from studio_worker_core.errors import StudioWorkerError
from studio_worker_core.terminal import print_json, print_table

_LOOK_SECONDS = 0.3

_Model = Annotated[
    str, typer.Argument(help="A model id, as 'models list' shows it, or its beginning.")
]
_Json = Annotated[bool, typer.Option("--json", help="Write JSON.")]
_NoWait = Annotated[bool, typer.Option("--no-wait", help="Do not wait until it is done.")]


def load(
    ctx: typer.Context, model: _Model, no_wait: _NoWait = False, as_json: _Json = False
) -> None:
    """Have the running worker load a model and keep it loaded, also after a restart.

    It stays beside the jobs of other models until it is unloaded. Files that are missing are
    downloaded first. A Ctrl-C ends the waiting, not the load.
    """
    from studio_worker_core.cli.api_client import RunningApi

    api = RunningApi(_store(ctx))
    name = _whole(api, model)
    state = api.ask("POST", "models", name, "load")
    while state["state"] == "loading" and not no_wait:
        time.sleep(_LOOK_SECONDS)
        state = api.ask("GET", "models", name, "state")
    if state["state"] == "failed":
        raise StudioWorkerError(f"{name} is not loaded: {state['error']}")
    _tell(ctx, state, as_json=as_json)


def unload(
    ctx: typer.Context, model: _Model, no_wait: _NoWait = False, as_json: _Json = False
) -> None:
    """Have the running worker unload a model and keep it loaded no longer.

    A job that the model does is finished first.
    """
    from studio_worker_core.cli.api_client import RunningApi

    api = RunningApi(_store(ctx))
    name = _whole(api, model)
    state = api.ask("POST", "models", name, "unload")
    while state["state"] in ("loading", "unloading") and not no_wait:
        time.sleep(_LOOK_SECONDS)
        state = api.ask("GET", "models", name, "state")
    _tell(ctx, state, as_json=as_json)


def ps(ctx: typer.Context, as_json: _Json = False) -> None:
    """Show the models that the running worker has loaded, or is to keep loaded."""
    from studio_worker_core.cli.api_client import RunningApi

    found = RunningApi(_store(ctx)).ask("GET", "models")
    rows = [each for each in found if each["state"] != "unloaded" or each["resident"]]
    if as_json:
        print_json(rows)
        return
    if not rows:
        typer.echo("no model is loaded; 'studio-worker models load' loads one")
        return
    from studio_worker_core.foreign_text import printable

    print_table(
        ["model", "engine", "state", "kept", "GPU GB", "since", "error"],
        [
            [
                printable(row["id"]),
                printable(row["source"]["engine"]),
                row["state"],
                "yes" if row["resident"] else "no",
                f"{row['vramGbEstimate']:g}",
                row["since"].partition(".")[0].replace("T", " "),
                printable(row.get("error", "")),
            ]
            for row in rows
        ],
        styles=["red" if row["state"] == "failed" else None for row in rows],
    )


def _store(ctx: typer.Context) -> Any:
    from studio_worker_core.config import ConfigStore

    return ConfigStore(invocation_of(ctx).config_path)


def _whole(api: Any, model: str) -> str:
    from studio_worker_core.cli.prefixes import whole_id

    known = [each["id"] for each in api.ask("GET", "models")]
    return whole_id(model, known, "models") or model


def _tell(ctx: typer.Context, state: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(state)
    elif invocation_of(ctx).verbosity >= 0:
        kept = ", and is kept loaded" if state["resident"] else ""
        typer.echo(f"{state['id']} is {state['state']}{kept}")
