"""Whether a command line could work at all: commands, options, make targets, extras exist."""

from __future__ import annotations

import functools
import re
import shlex
import tomllib
from typing import Any

from tests.docs.blocks import ROOT
from tools.reference_pages.commands import walk

_ENDS = frozenset({"|", "||", "&&", ";", ">", "2>", "<", "&"})
_EXTRAS = re.compile(r"^studio-worker\[([\w,.-]+)\]")
_GLOBAL = frozenset({"--config", "-v", "--verbose", "-q", "--quiet", "-h", "--help", "--version"})


def complaint_about(line: str) -> str | None:
    """What is wrong with a command line, or None. Other programs are not looked into."""
    words = shlex.split(line.replace("\\\n", " "), comments=True)
    while words and "=" in words[0] and not words[0].startswith("-"):
        words = words[1:]
    words = words[: next((i for i, word in enumerate(words) if word in _ENDS), len(words))]
    match words:
        case ["studio-worker", *arguments]:
            return _worker_complaint(arguments)
        case ["make", *targets]:
            # NAME=value sets a variable of the makefile.
            unknown = [t for t in targets if "=" not in t and t not in _make_targets()]
            return f"no make target {', '.join(unknown)}" if unknown else None
        case ["pip" | "pipx" | "uv", "install", *packages]:
            found = [_EXTRAS.match(each) for each in packages]
            asked = {extra for match in found if match for extra in match[1].split(",")}
            unknown = sorted(asked - _extras())
            return f"no extra {', '.join(unknown)}" if unknown else None
        case _:
            return None


def _worker_complaint(arguments: list[str]) -> str | None:
    path, options, _ = known = _commands()[()]
    rest = list(arguments)
    while rest:
        word = rest.pop(0)
        if word.startswith("-") and word != "-":
            name = word.partition("=")[0]
            if name not in options and name not in _GLOBAL:
                return f"'{' '.join(('studio-worker', *path))}' has no option {name}"
            if name == "--config" and "=" not in word and rest:
                rest.pop(0)
            continue
        if (*path, word) in _commands():
            path, options, _ = known = _commands()[(*path, word)]
        elif known[2]:
            return f"'{' '.join(('studio-worker', *path))}' has no command {word}"
    return None


@functools.cache
def _commands() -> dict[tuple[str, ...], tuple[tuple[str, ...], frozenset[str], bool]]:
    """Path of each command → path, options, whether it has commands below it."""
    found: dict[tuple[str, ...], tuple[tuple[str, ...], frozenset[str], bool]] = {}
    for command, context in walk():
        path = tuple(context.command_path.split()[1:])
        options: set[str] = set()
        for parameter in command.params:
            options |= {*parameter.opts, *parameter.secondary_opts}
        found[path] = (path, frozenset(options), _is_group(command))
    return found


def _is_group(command: Any) -> bool:
    return hasattr(command, "list_commands")


@functools.cache
def _make_targets() -> frozenset[str]:
    text = (ROOT / "Makefile").read_text("utf-8")
    return frozenset(re.findall(r"^([\w-]+):", text, re.MULTILINE))


@functools.cache
def _extras() -> frozenset[str]:
    table = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    return frozenset(table["project"]["optional-dependencies"])
