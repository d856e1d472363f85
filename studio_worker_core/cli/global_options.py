"""The global options after the command too: ``studio-worker run --config x`` means what it says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from typer.core import TyperOption

from studio_worker_core.cli.invocation import Invocation, invocation_of


def accept_global_options(command: Any) -> None:
    """Let ``command`` and its sub-commands take ``--config``, ``-v`` and ``--quiet``.

    They are left out of the commands' help, which tells about them once, at the root. A
    command's own option of such a name wins.
    """
    taken = {name for param in command.params for name in (*param.opts, *param.secondary_opts)}
    for option in _options():
        if taken.isdisjoint(option.opts):
            command.params.append(option)
    for below in getattr(command, "commands", {}).values():
        accept_global_options(below)


def _options() -> list[TyperOption]:
    def option(*names: str, callback: Any, **more: Any) -> TyperOption:
        return TyperOption(
            param_decls=list(names), callback=callback, expose_value=False, hidden=True, **more
        )

    return [
        option("--config", metavar="PATH", type=str, callback=_config),
        option("--verbose", "-v", count=True, type=int, default=0, callback=_verbose),
        option("--quiet", "-q", is_flag=True, type=bool, default=False, callback=_quiet),
    ]


def _config(ctx: Any, _param: Any, value: str | None) -> None:
    if value is not None:
        _change(ctx, config_option=Path(value))


def _verbose(ctx: Any, _param: Any, value: int) -> None:
    if value:
        _change(ctx, verbosity=value)


def _quiet(ctx: Any, _param: Any, value: bool) -> None:
    if value:
        _change(ctx, verbosity=-1)


def _change(ctx: Any, **changes: Any) -> None:
    # Seen by this command and those below it: the nearest object on the way up counts.
    invocation: Invocation = invocation_of(ctx)
    ctx.obj = replace(invocation, **changes)
