"""Text cut into pieces that are spoken one after the other."""

from __future__ import annotations

import os
import re

from studio_worker_core.plugin import InvalidTask
from studio_worker_tts.abbreviations import SHORT, TITLES

MAX_TEXT_VARIABLE = "STUDIO_WORKER_MAX_TEXT"
_MAX_TEXT = 20_000
_LONGEST_PIECE = 400
_SLOWEST, _FASTEST = 0.25, 4.0

_END = re.compile(r"(?<=[.!?…。！？;:])[\s]+|\n+")
_LAST_WORD = re.compile(r"(?:^|[\s(\[\"'])([^\W\d_](?:[^\W\d_]|\.(?=\w))*)\.$")
_WORDS = re.compile(r"\S+\s*")


def checked_length(text: str) -> str:
    """``text`` itself.

    Raises:
        InvalidTask: too long; says the limit and how to raise it.
    """
    limit = _limit()
    if len(text) > limit:
        raise InvalidTask(
            f"the text has {len(text)} characters and this worker speaks up to {limit}; set "
            f"{MAX_TEXT_VARIABLE} on the worker to raise that"
        )
    return text


def sentences(text: str) -> list[str]:
    """The sentences of ``text``, each of at most 400 characters; no word is lost."""
    return [piece for sentence in _whole(text) for piece in _short(sentence)]


def checked_speed(speed: float | None) -> float:
    """The factor to speak at.

    Raises:
        InvalidTask: outside 0.25 to 4.
    """
    factor = 1.0 if speed is None else speed
    if not _SLOWEST <= factor <= _FASTEST:
        raise InvalidTask(f"speed {factor:g} is outside {_SLOWEST:g} to {_FASTEST:g}")
    return factor


def _whole(text: str) -> list[str]:
    """Cut at the ends of sentences, and not behind an abbreviation."""
    found: list[str] = []
    start = 0
    for end in _END.finditer(text):
        piece = text[start : end.start()]
        if "\n" in end.group() or not _goes_on(piece, text[end.end() : end.end() + 1]):
            found.append(piece)
            start = end.end()
    return [*found, text[start:]]


def _goes_on(before: str, after: str) -> bool:
    last = _LAST_WORD.search(before)
    if last is None:
        return False
    word = last.group(1)
    if word.lower() in TITLES or (len(word) == 1 and word.isupper() and word != "I"):
        return True
    return word.lower() in SHORT and not after.isupper()


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
