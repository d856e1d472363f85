"""What ``--help`` and ``--version`` print, without what it takes to understand a command line.

typer is the reference: :func:`help_text` gives its text to the letter, or none where a line
would have to be broken in a way that only typer knows. A test compares the two.
"""

from __future__ import annotations

import os
import sys

from studio_worker_core import __version__
from studio_worker_core.cli import help_words
from studio_worker_core.cli.plugin_commands import plugin_commands
from studio_worker_core.cli.table import all_commands

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

_COMPLETION = "_STUDIO_WORKER_COMPLETE"
_FEWEST_COLUMNS = 50
_MARGIN = 2
_WIDEST_NAME = 30
_GAP = 2


class _NotSimple(Exception):
    """typer has to do it."""


def quick_answer(arguments: list[str]) -> str | None:
    """What this command line prints, if it is one of those; None leaves it to typer."""
    if _COMPLETION in os.environ or len(arguments) != 1:
        return None
    if arguments[0] == "--version":
        return f"{help_words.PROGRAM} {__version__}\n"
    return help_text() if arguments[0] in ("-h", "--help") else None


def help_text(columns: int | None = None) -> str | None:
    """The help for a terminal that wide (by default: for this one); None where it is not simple."""
    width = max(min(columns or _columns(), help_words.MOST_COLUMNS) - _MARGIN, _FEWEST_COLUMNS)
    commands = all_commands(plugin_commands()).values()
    try:
        return "\n".join(
            (
                f"Usage: {help_words.PROGRAM} {help_words.USAGE}\n",
                _about(width),
                _section("Options", help_words.OPTIONS, width),
                _section("Commands", [(each.name, each.help) for each in commands], width),
                help_words.EPILOG,
            )
        )
    except _NotSimple:
        return None


def _about(width: int) -> str:
    paragraphs = help_words.ABOUT.split("\n\n")
    broken = (_broken(each.replace("\n", " "), width, " " * _GAP) for each in paragraphs)
    return "\n\n".join("\n".join(lines) for lines in broken) + "\n"


def _columns() -> int:
    """As :func:`shutil.get_terminal_size`, whose module takes longer to load than this to run."""
    try:
        columns = int(os.environ["COLUMNS"])
    except (KeyError, ValueError):
        columns = 0
    if columns > 0:
        return columns
    try:
        return os.get_terminal_size(sys.__stdout__.fileno()).columns  # type: ignore[union-attr]
    except (AttributeError, ValueError, OSError):
        return 80


def _section(title: str, rows: Iterable[tuple[str, str]], width: int) -> str:
    rows = list(rows)
    first = min(max(len(name) for name, _ in rows), _WIDEST_NAME) + _GAP
    lines = [f"{title}:"]
    for name, text in rows:
        if len(name) > _WIDEST_NAME or not text:
            raise _NotSimple
        beside = _broken(text, max(width - first - _GAP, 10))
        lines += [f"  {name:<{first}}{beside[0]}"]
        lines += [f"{'':<{first + _GAP}}{line}" for line in beside[1:]]
    return "\n".join(lines) + "\n"


def _broken(text: str, width: int, indent: str = "") -> list[str]:
    """Lines of at most ``width`` characters, broken between words alone."""
    if not text.isascii() or not text.isprintable() or "  " in text or text != text.strip():
        raise _NotSimple
    if len(indent) + len(text) <= width:
        return [indent + text]
    lines: list[str] = []
    line = indent
    for word in text.split(" "):
        if line == indent:
            line += word
        elif len(line) + 1 + len(word) <= width:
            line += f" {word}"
        elif "-" in word.lstrip("-"):
            raise _NotSimple  # a part of it may fit
        else:
            lines.append(line)
            line = indent + word
        if len(line) > width:
            raise _NotSimple
    return [*lines, line]
