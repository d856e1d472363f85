"""Questions at a terminal: asked until the answer will do, ended by Ctrl-C or the end of input."""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Callable
from typing import TypeVar

import typer

from studio_worker_core.errors import StudioWorkerError
from studio_worker_core.foreign_text import printable
from studio_worker_core.redaction import without_secrets

T = TypeVar("T")

_LOOK_SECONDS = 0.2
"""How soon a Ctrl-C is heard that came just before the wait for a line began."""


class InputEnded(StudioWorkerError):
    """The input of a command ended (Ctrl-D) while it was asking."""


def has_terminal() -> bool:
    """Whether there is somebody to ask."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def answer_to(question: str, default: str, read: Callable[[str], T]) -> T:
    """What ``read`` makes of the answer. Where it raises one of our errors, that is said and the
    question asked again.

    :param default: the answer of who just presses Enter; empty text where there is none.

    Raises:
        InputEnded: there is nobody to answer any more.
    """
    shown = f"{question} [{printable(default)}]: " if default else f"{question}: "
    while True:
        text = _typed(shown) or default
        if not text:
            continue
        try:
            return read(text)
        except StudioWorkerError as error:
            typer.echo(f"  {printable(without_secrets(str(error)))}")


def agreed(question: str) -> bool:
    """Whether the answer begins with y; Enter is no."""
    return _typed(f"{question} [y/N]: ").lower().startswith("y")


def _typed(shown: str) -> str:
    while True:
        try:
            # Not input(shown): that writes to standard error, which may be a file.
            typer.echo(shown, nl=False)
            _wait_for_line()
            text = input().strip()
        except EOFError:
            typer.echo()
            raise InputEnded("the input ended before the last question") from None
        except UnicodeDecodeError:
            text = "\ufffd"
        if text.isprintable() and "\ufffd" not in text:
            return text
        typer.echo("  there is a character in it that cannot be printed; type it again")


def _wait_for_line() -> None:
    """Until there is something to read: a signal between the question and the read of a line
    would interrupt neither, and the read would go on for ever."""
    if os.name == "posix" and sys.stdin.isatty():
        while not select.select([sys.stdin], [], [], _LOOK_SECONDS)[0]:
            pass
