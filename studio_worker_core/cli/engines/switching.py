"""``engines disable`` and ``engines enable``: leaving a plugin out, and taking it back."""

from __future__ import annotations

import msgspec
import typer

from studio_worker_core.cli.engines.listing import EngineName, named
from studio_worker_core.cli.installed import installed_engines
from studio_worker_core.cli.invocation import invocation_of
from studio_worker_core.config import Config, ConfigStore, PluginSettings
from studio_worker_core.errors import PluginError


def disable(ctx: typer.Context, name: EngineName) -> None:
    """Leave an engine out from the worker's next start on."""
    store = ConfigStore(invocation_of(ctx).config_path)
    named(installed_engines(store), name)
    _leave_out(store, name, True)
    _say(ctx, f"{name} is disabled; a running worker leaves it out from its next start on")


def enable(ctx: typer.Context, name: EngineName) -> None:
    """Take a disabled engine back."""
    store = ConfigStore(invocation_of(ctx).config_path)
    listed = store.config.plugins.disabled
    if name not in listed:
        for entry in named(installed_engines(store), name):
            cause = next((n for n in (entry.distribution, entry.entry_point) if n in listed), None)
            if cause is not None:
                raise PluginError(
                    f"{name} is disabled through '{cause}'; "
                    f"run 'studio-worker engines enable {cause}'",
                    distribution=entry.distribution,
                )
        _say(ctx, f"{name} is not disabled")
        return
    _leave_out(store, name, False)
    _say(ctx, f"{name} is enabled; a running worker takes it at its next start")


def _leave_out(store: ConfigStore, name: str, is_out: bool) -> None:
    def change(config: Config) -> dict[str, PluginSettings]:
        listed = config.plugins.disabled
        others = tuple(other for other in listed if other != name)
        disabled = others if not is_out else listed if name in listed else (*listed, name)
        return {"plugins": msgspec.structs.replace(config.plugins, disabled=disabled)}

    store.revise(change)


def _say(ctx: typer.Context, message: str) -> None:
    if invocation_of(ctx).verbosity >= 0:
        typer.echo(message)
