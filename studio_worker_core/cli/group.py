"""The root command group: lists commands from tables, imports a command when it is called."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperGroup

from studio_worker_core.cli.global_options import accept_global_options
from studio_worker_core.cli.plugin_commands import plugin_commands
from studio_worker_core.cli.table import BUILT_IN, STAND_INS, CommandEntry, all_commands
from studio_worker_core.cli.texts import accept_any_text
from studio_worker_core.errors import PluginError

if TYPE_CHECKING:
    from collections.abc import Callable

_COMPLETION = frozenset({"install_completion", "show_completion"})


class LazyGroup(TyperGroup):
    """A group whose commands are entries of a table until one of them is used."""

    find_plugin_commands: Callable[[], dict[str, CommandEntry]] = staticmethod(plugin_commands)

    def entries(self) -> dict[str, CommandEntry]:
        """Every command; a plugin may replace a stand-in, and no built-in one."""
        return all_commands(self.find_plugin_commands())

    def list_commands(self, ctx: Any) -> list[str]:
        """Built-in commands in the table's order, then the others by name."""
        return list(self.entries())

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Import and build one command; None when there is no such."""
        # The table comes first: a built-in command never waits for plugin discovery.
        entry = BUILT_IN.get(cmd_name) or self.entries().get(cmd_name)
        if entry is not None:
            return _load(entry)
        if not ctx.resilient_parsing and not cmd_name.startswith("-"):
            ctx.fail(self._unknown(ctx, cmd_name))
        return None

    def _unknown(self, ctx: Any, name: str) -> str:
        # Imported here: only a mistyped command needs it.
        from difflib import get_close_matches

        close = get_close_matches(name, self.list_commands(ctx))
        hint = f" Did you mean {close[0]!r}?" if close else ""
        return f"No such command {name!r}.{hint}"

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the command list of ``--help`` without importing any command."""
        rows = [(name, entry.help) for name, entry in self.entries().items()]
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Write the epilog as it is: examples are not to be re-wrapped."""
        if self.epilog:
            formatter.write_paragraph()
            formatter.write(self.epilog)


def _load(entry: CommandEntry) -> Any:
    module_name, _, attribute = entry.app.partition(":")
    if entry in (BUILT_IN.get(entry.name), STAND_INS.get(entry.name)):
        app = getattr(importlib.import_module(module_name), attribute)
    else:
        app = _plugin_app(entry, module_name, attribute)
    command = typer.main.get_command(app)
    # typer adds the completion options to every app; they are told about once, at the root.
    command.params = [p for p in command.params if p.name not in _COMPLETION]
    command.name = entry.name
    accept_global_options(command)
    accept_any_text(command)
    return command


def _plugin_app(entry: CommandEntry, module_name: str, attribute: str) -> typer.Typer:
    try:
        app = getattr(importlib.import_module(module_name), attribute or "app")
    except Exception as error:  # a plugin's module is foreign code and may raise anything
        raise PluginError(
            f"the command '{entry.name}' cannot be loaded from {module_name}: "
            f"{type(error).__name__}: {error}; reinstall or remove the plugin that brings it"
        ) from error
    if not isinstance(app, typer.Typer):
        raise PluginError(
            f"the command '{entry.name}' is broken: {entry.app} is a {type(app).__name__}, "
            "not a typer.Typer; ask the plugin's author"
        )
    app.rich_markup_mode = None
    return app
