"""Text cut into pieces that are spoken one after the other."""

from __future__ import annotations

import os
import re

from studio_worker_core.plugin import InvalidTask

__all__ = ["MAX_TEXT_VARIABLE", "checked_speed", "sentences"]

MAX_TEXT_VARIABLE = "STUDIO_WORKER_MAX_TEXT"
_MAX_TEXT = 20_000
_LONGEST_PIECE = 400
_SLOWEST, _FASTEST = 0.25, 4.0

_END = re.compile(r"(?<=[.!?…。！？;:])[\s]+|\n+")
_WORDS = re.compile(r"\S+\s*")


def sentences(text: str) -> list[str]:
    """The sentences of ``text``, each of at most 400 characters.

    Raises:
        InvalidTask: nothing to say, or too long; says the limit and how to raise it.
    """
    limit = _limit()
    if len(text) > limit:
        raise InvalidTask(
            f"the text has {len(text)} characters and this worker speaks up to {limit}; set "
            f"{MAX_TEXT_VARIABLE} on the worker to raise that"
        )
    pieces = [piece for sentence in _END.split(text) for piece in _short(sentence)]
    if not any(character.isalnum() for piece in pieces for character in piece):
        raise InvalidTask("the text has nothing to say: no letters or digits")
    return pieces


def checked_speed(speed: float | None) -> float:
    """The factor to speak at.

    Raises:
        InvalidTask: outside 0.25 to 4.
    """
    factor = 1.0 if speed is None else speed
    if not _SLOWEST <= factor <= _FASTEST:
        raise InvalidTask(f"speed {factor:g} is outside {_SLOWEST:g} to {_FASTEST:g}")
    return factor


def _short(sentence: str) -> list[str]:
    sentence = sentence.strip()
    if len(sentence) <= _LONGEST_PIECE:
        return [sentence] if sentence else []
    pieces = [""]
    for word in _WORDS.findall(sentence):
        for start in range(0, len(word), _LONGEST_PIECE):
            part = word[start : start + _LONGEST_PIECE]
            if len(pieces[-1]) + len(part) > _LONGEST_PIECE:
                pieces.append("")
            pieces[-1] += part
    return [piece.strip() for piece in pieces if piece.strip()]


def _limit() -> int:
    text = os.environ.get(MAX_TEXT_VARIABLE, "")
    return int(text) if text.isdecimal() and int(text) > 0 else _MAX_TEXT
