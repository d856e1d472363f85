"""``studio-worker config``: show and change the settings."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from enum import Enum
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any

import typer
from msgspec import Struct
from msgspec.structs import asdict

from studio_worker_core.cli.exit_codes import ExitCode
from studio_worker_core.cli.invocation import invocation_of
from studio_worker_core.cli.numbers import NegativeArguments
from studio_worker_core.config import (
    Config,
    ConfigStore,
    config_keys,
    engine_key,
    nearest_key,
    value_of,
)
from studio_worker_core.errors import ConfigError
from studio_worker_core.registration import settle
from studio_worker_core.secrets import Secret
from studio_worker_core.studio_client.urls import normalise_base_url
from studio_worker_core.terminal import print_json

app = typer.Typer(
    rich_markup_mode=None,
    help="Show and change the configuration. Without a sub-command: show it.",
)

_Key = Annotated[str, typer.Argument(help="A setting, e.g. limits.total_seconds.")]
_Json = Annotated[bool, typer.Option("--json", help="Write JSON.")]


@app.callback(invoke_without_command=True)
def default(ctx: typer.Context) -> None:
    """Show and change the configuration. Without a sub-command: show it."""
    if ctx.invoked_subcommand is None:
        show(ctx)


@app.command()
def show(ctx: typer.Context, as_json: _Json = False) -> None:
    """Print every setting in force, the defaults included. Secrets are shown as ***."""
    store = _store(ctx)
    settings = {key: _plain(value_of(store.config, key)) for key in config_keys()}
    settings["engines"] = _plain(_engine_settings().shown_tables(store))
    if as_json:
        print_json(settings)
        return
    changed = _changed(store.config)
    for engine, table in settings.pop("engines").items():
        for name, value in table.items():
            key = f"engines.{engine}.{name}"
            settings[key] = value
            changed.add(key)
    typer.echo(f"# {store.path}{'' if store.path.exists() else ' (not there yet)'}")
    for key, value in settings.items():
        typer.echo(f"{key} = {_as_text(value)}{'' if key in changed else '  # default'}")
    for key in store.unknown_keys:
        typer.echo(f"# unknown, kept as it is: {key}")


@app.command()
def path(ctx: typer.Context) -> None:
    """Print where the config file is."""
    typer.echo(ConfigStore(invocation_of(ctx).config_path).path)


@app.command()
def get(ctx: typer.Context, key: _Key) -> None:
    """Print one setting; nothing when it has no value."""
    store = _store(ctx)
    if (inner := engine_key(key)) is not None:
        value = _plain(_engine_settings().value_shown(store, *inner))
    elif key == "engines":
        value = _plain(_engine_settings().shown_tables(store))
    else:
        value = _plain(value_of(store.config, key))
    if value is not None:
        typer.echo(_as_text(value) if isinstance(value, bool | list | dict) else value)


@app.command("set", cls=NegativeArguments)
def set_value(
    ctx: typer.Context,
    key: _Key,
    value: Annotated[str, typer.Argument(help="The new value; '' goes back to the default.")],
) -> None:
    """Change one setting. A running worker follows most of them within a second."""
    store = _store(ctx)
    if key == "api_base_url" and value:
        normalise_base_url(value)  # refused here and not at the next start
    inner = engine_key(key)
    if inner is not None:
        _engine_settings().set_engine_value(store, *inner, value)
    else:
        store.set_text(key, value)
    if key == "api_base_url":
        settle(store)
    if invocation_of(ctx).verbosity >= 0:
        typer.echo(f"{key} = {_as_text(_plain(value_of(store.config, key)))}")


@app.command()
def check(ctx: typer.Context) -> None:
    """Look whether every setting holds, those of engines too; exit status 3 when one does not."""
    store = _store(ctx)
    found = []
    for key in store.unknown_keys:
        hint = f"; did you mean {near}?" if (near := nearest_key(key)) else ""
        found.append(f"there is no setting named {key!r}{hint}")
    found += _engine_settings().complaints(store)
    for line in found:
        typer.echo(line)
    if found:
        raise typer.Exit(ExitCode.CONFIGURATION)
    typer.echo(f"{store.path} holds")


@app.command()
def edit(ctx: typer.Context) -> None:
    """Open the config file in $VISUAL or $EDITOR and check it afterwards."""
    store = ConfigStore(invocation_of(ctx).config_path)
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise ConfigError(
            f"'config edit' needs a terminal; use 'studio-worker config set', or edit {store.path}",
            path=store.path,
        )
    if not store.path.exists():
        store.update()
    command = [*_editor(), str(store.path)]
    try:
        status = subprocess.run(command, check=False).returncode
    except OSError as error:
        raise ConfigError(
            f"cannot start the editor {command[0]!r}: {error.strerror}; set EDITOR",
            path=store.path,
        ) from error
    if status != 0:
        raise ConfigError(f"the editor {command[0]!r} ended with status {status}", path=store.path)
    store.load()
    for line in _engine_settings().complaints(store):
        typer.echo(f"warning: {line}", err=True)


def _engine_settings() -> ModuleType:
    # Imported here: it asks what the engines declare, which most settings do not need.
    from studio_worker_core.cli import engine_settings

    return engine_settings


def _store(ctx: typer.Context) -> ConfigStore:
    store = ConfigStore(invocation_of(ctx).config_path)
    store.load()
    return store


def _editor() -> list[str]:
    chosen = os.environ.get("VISUAL") or os.environ.get("EDITOR")
    if chosen:
        return shlex.split(chosen, posix=os.name != "nt")
    return ["notepad"] if sys.platform == "win32" else ["vi"]


def _changed(config: Config) -> set[str]:
    default = Config()
    return {key for key in config_keys() if value_of(config, key) != value_of(default, key)}


def _plain(value: Any) -> Any:
    """A setting as JSON data; ``str`` of a :class:`Secret` never tells it."""
    match value:
        case Enum():
            return value.value
        case Secret() | Path():
            return str(value)
        case tuple():
            return list(value)
        case Struct():
            return {key: _plain(item) for key, item in asdict(value).items() if item is not None}
        case dict():
            return {key: _plain(item) for key, item in value.items()}
        case _:
            return value


def _as_text(value: Any) -> str:
    match value:
        case None:
            return "(none)"
        case bool():
            return str(value).lower()
        case str():
            return f'"{value}"'
        case list():
            return "[" + ", ".join(_as_text(item) for item in value) + "]"
        case dict():
            items = (f"{_as_text(key)} = {_as_text(item)}" for key, item in value.items())
            return "{" + ", ".join(items) + "}"
        case _:
            return str(value)
