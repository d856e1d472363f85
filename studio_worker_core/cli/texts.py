"""Texts of the command line that the locale could not read."""

from __future__ import annotations

import os
from typing import Any

import typer


def accept_any_text(command: Any) -> None:
    """Let ``command`` and its sub-commands get their texts as UTF-8 whatever the locale says.

    In a locale such as ``C``, Python hands on bytes it cannot read as halves of surrogate
    pairs, which fit into no file and no frame. Paths are left as they are: those can be opened.
    """
    for below in getattr(command, "commands", {}).values():
        accept_any_text(below)
    invoke = command.invoke

    def with_texts(ctx: Any) -> Any:
        options = {param.name: param for param in command.params}
        ctx.params = {
            name: _readable(value, ctx, options.get(name)) for name, value in ctx.params.items()
        }
        return invoke(ctx)

    command.invoke = with_texts


def _readable(value: Any, ctx: Any, param: Any) -> Any:
    if getattr(getattr(param, "type", None), "name", "") in ("path", "file"):
        return value
    match value:
        case list() | tuple():
            return type(value)(_readable(each, ctx, param) for each in value)
        case str():
            try:
                value.encode("utf-8")
            except UnicodeEncodeError:
                return _mended(value, ctx, param)
    return value


def _mended(text: str, ctx: Any, param: Any) -> str:
    try:
        return os.fsencode(text).decode("utf-8")
    except UnicodeError:
        raise typer.BadParameter("it is not UTF-8 text", ctx=ctx, param=param) from None
