"""A leading ``<think>…</think>`` block told from what follows, in a text that comes in pieces."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

OPEN, CLOSE = "<think>", "</think>"

Part = tuple[Literal["reasoning", "content"], str]
"""What a stretch of text is, and the stretch; never empty."""


class Thinking:
    """Splits a text. Each piece costs its own length: little more than a tag is ever held back.

    Blanks around the reasoning are dropped, and those before a block; a text without a block is
    content to the letter.
    """

    def __init__(self) -> None:
        self._state: Literal["start", "inside", "after", "content"] = "start"
        self._held = ""
        self._silent = True
        """Whether no reasoning has come yet."""

    def feed(self, piece: str) -> Iterator[Part]:
        """What is sure of the text so far, and was not told yet."""
        self._held += piece
        if self._state == "start":
            self._start()
        if self._state == "inside":
            yield from self._inside()
        if self._state == "after":
            self._held = self._held.lstrip()
            if self._held:
                self._state = "content"
        if self._state == "content" and self._held:
            yield "content", self._held
            self._held = ""

    def end(self) -> Iterator[Part]:
        """The rest: there is no more text."""
        left, self._held = self._held, ""
        if self._state == "inside":
            left = left.strip() if self._silent else left.rstrip()
            if left:
                yield "reasoning", left
        elif left and self._state == "start":
            yield "content", left

    def _start(self) -> None:
        begun = self._held.lstrip()
        if begun.startswith(OPEN):
            self._state, self._held = "inside", begun.removeprefix(OPEN)
        elif not OPEN.startswith(begun):
            self._state = "content"

    def _inside(self) -> Iterator[Part]:
        if self._silent:
            self._held = self._held.lstrip()
        told, mark, rest = self._held.partition(CLOSE)
        if mark:
            self._state = "after"
        else:
            cut = len(told) - len_of_beginning(told, (CLOSE,))
            told, rest = told[:cut], told[cut:]
        sure = told.rstrip()
        self._held = rest if mark else told[len(sure) :] + rest
        if sure:
            self._silent = False
            yield "reasoning", sure


def split(text: str) -> tuple[str, str]:
    """The reasoning and the content of a whole text."""
    thinking = Thinking()
    parts = [*thinking.feed(text), *thinking.end()]
    found = {kind: "".join(t for k, t in parts if k == kind) for kind in ("reasoning", "content")}
    return found["reasoning"], found["content"]


def len_of_beginning(text: str, marks: Iterable[str]) -> int:
    """How many characters at the end of ``text`` may be the beginning of one of ``marks``."""
    longest = 0
    for mark in marks:
        for length in range(min(len(mark) - 1, len(text)), longest, -1):
            if text.endswith(mark[:length]):
                longest = length
                break
    return longest
