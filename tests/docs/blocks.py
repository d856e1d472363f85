"""Fenced code blocks and inline commands of the Markdown pages, with the marks above them.

A mark is an HTML comment right above a block; it does not show on the page:

``<!-- not run: REASON -->``
    The commands cannot run in a test. They are still looked up (:mod:`.known_commands`).
``<!-- in another terminal -->``
    The command keeps running beside those below it; the lines shown under it are waited for.
``<!-- in the repository -->``
    The commands are typed in a checkout of this project.
``<!-- file: PATH -->``
    The block is a file of the reader's; it is written into the session's directory.
``<!-- pyproject -->``
    A piece of a ``pyproject.toml``, no configuration of the worker.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

_FENCE = re.compile(r"^(?P<indent> *)(?P<fence>`{3,}|:{3,})(?P<info>[^`]*)$")
_MARK = re.compile(r"^<!-- (?P<mark>.+?) -->$")
_INLINE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")


@dataclass(frozen=True)
class Block:
    """One fenced block."""

    page: Path
    line: int
    """Of its opening fence, counted from 1."""
    language: str
    text: str
    marks: tuple[str, ...]

    @property
    def where(self) -> str:
        """For messages: ``docs/index.md:12``."""
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    def mark(self, name: str) -> str | None:
        """What the mark ``name: VALUE`` says; empty for a bare mark, None when absent."""
        for mark in self.marks:
            found, _, value = mark.partition(":")
            if found == name:
                return value.strip()
        return None


@dataclass(frozen=True)
class Command:
    """One ``$`` line of a console block and the lines shown under it."""

    text: str
    shown: tuple[str, ...]


def pages() -> list[Path]:
    """Every page: the README files and all of ``docs``."""
    found = sorted((ROOT / "docs").rglob("*.md"))
    return [
        ROOT / "README.md",
        ROOT / "CONTRIBUTING.md",
        *(page for page in found if "_build" not in page.parts),
    ]


def blocks_of(page: Path) -> Iterator[Block]:
    """The fenced blocks of a page, in order."""
    marks: list[str] = []
    opened: tuple[int, str, str] | None = None
    inside: list[str] = []
    for number, line in enumerate(page.read_text("utf-8").splitlines(), 1):
        if opened is not None:
            start, fence, info = opened
            if line.strip() == fence:
                yield Block(page, start, info, "".join(f"{each}\n" for each in inside), (*marks,))
                opened, inside, marks = None, [], []
            else:
                inside.append(line)
            continue
        fence_found = _FENCE.match(line)
        mark_found = _MARK.match(line.strip())
        if fence_found and fence_found["info"].strip() and fence_found["fence"][0] == "`":
            opened = (number, fence_found["fence"], fence_found["info"].strip())
        elif mark_found:
            marks.append(mark_found["mark"])
        elif line.strip():
            marks = []


def commands_of(block: Block) -> list[Command]:
    """The commands of a console block; a line that ends in ``\\`` goes on after ``> ``."""
    found: list[tuple[list[str], list[str]]] = []
    for line in block.text.splitlines():
        if line.startswith("$ "):
            found.append(([line[2:]], []))
        elif not found:
            raise AssertionError(f"{block.where}: the block does not begin with '$ '")
        elif line.startswith("> ") and not found[-1][1] and found[-1][0][-1].endswith("\\"):
            found[-1][0].append(line[2:])
        else:
            found[-1][1].append(line)
    return [Command("\n".join(typed), tuple(shown)) for typed, shown in found]


def inline_code(page: Path) -> Iterator[tuple[int, str]]:
    """Line number and text of each `` `code` `` outside of fenced blocks."""
    fence: str | None = None
    for number, line in enumerate(page.read_text("utf-8").splitlines(), 1):
        found = _FENCE.match(line)
        if found and fence is None:
            fence = found["fence"]
        elif fence is not None and line.strip() == fence:
            fence = None
        elif fence is None:
            for match in _INLINE.finditer(line):
                yield number, match[1].replace("\\|", "|")
