"""The command reference: what ``--help`` says, command by command."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer

from studio_worker_core.cli.exit_codes import MEANINGS
from studio_worker_core.cli.group import LazyGroup
from studio_worker_core.cli.root import app
from studio_worker_core.cli.table import BUILT_IN, CommandEntry
from tools.reference_pages.markdown import GENERATED, table

_WIDTH = 90

_OPENING = """# Commands

Every command takes `--config PATH`, `-v` and `--quiet`, before or after its name.
The commands `demo` and `studio` come with the extra `studio`.

## Exit codes

"""


class _FirstPartyGroup(LazyGroup):
    """The root group as it is with this repository's plugins and no others."""

    find_plugin_commands = staticmethod(lambda: _first_party_commands())


def _first_party_commands() -> dict[str, CommandEntry]:
    from studio_worker_studio.plugin import studio_worker_commands

    return {
        spec.name: CommandEntry(spec.name, spec.help, spec.app) for spec in studio_worker_commands()
    }


def page() -> str:
    """The whole page."""
    codes = table(
        ["code", "meaning"], [[f"`{code.value}`", text] for code, text in MEANINGS.items()]
    )
    return GENERATED + _OPENING + codes + "".join(_section(*found) for found in walk())


def walk() -> Iterator[tuple[Any, Any]]:
    """Each command with its context, the root first, then depth first in ``--help`` order."""
    root = typer.main.get_command(_root())
    context = root.make_context("studio-worker", [], resilient_parsing=True)
    yield root, context
    names = [*BUILT_IN, *_first_party_commands()]
    for name in names:
        yield from _below(root, context, name)


def _root() -> typer.Typer:
    root = typer.Typer(
        name=app.info.name,
        cls=_FirstPartyGroup,
        rich_markup_mode=None,
        epilog=app.info.epilog,
        context_settings=app.info.context_settings,
    )
    assert app.registered_callback is not None
    root.registered_callback = app.registered_callback
    return root


def _below(group: Any, context: Any, name: str) -> Iterator[tuple[Any, Any]]:
    command = group.get_command(context, name)
    own = command.context_class(command, info_name=name, parent=context)
    yield command, own
    if hasattr(command, "list_commands"):
        for each in command.list_commands(own):
            yield from _below(command, own, each)


def _section(command: Any, context: Any) -> str:
    context.terminal_width = _WIDTH
    context.max_content_width = _WIDTH
    depth = context.command_path.count(" ")
    title = context.command_path
    heading = "#" * (2 if depth < 2 else 3)
    return f"\n{heading} {title}\n\n```text\n{command.get_help(context).rstrip()}\n```\n"
