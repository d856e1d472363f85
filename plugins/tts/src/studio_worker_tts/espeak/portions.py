"""Text in portions that fit the library's tables; what does not fit it drops without a word.

A clause may have 1,000 phonemes and a word 200 (or about 60 letters).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from studio_worker_tts.units import units

_WORD_LETTERS = 40
_WORD_NOTES = 150
"""Letters of the library's notation, two or so for each phoneme."""
_PORTION_NOTES = 700
_LONGEST_NUMBER = 12
_WORD = re.compile(r"\S+")
_DIGITS = re.compile(rf"\d{{{_LONGEST_NUMBER + 1},}}")


def portions(text: str, phonemes: Callable[[str], str]) -> list[str]:
    """``text`` cut between words; too long a word within it, too long a number into digits."""
    found: list[str] = []
    room = 0
    for word in _WORD.findall(_DIGITS.sub(lambda run: " ".join(run.group()), text)):
        for part, notes in _parts(word, phonemes):
            if notes > room:
                found.append(part)
                room = _PORTION_NOTES
            else:
                found[-1] += " " + part
            room -= notes
    return found


def _parts(word: str, phonemes: Callable[[str], str]) -> Iterator[tuple[str, int]]:
    pieces = list(units(word))
    notes = len(phonemes(word)) + 1 if len(word) <= _WORD_LETTERS else _WORD_NOTES + 1
    if notes <= _WORD_NOTES or len(pieces) == 1:
        yield word, notes
        return
    middle = len(pieces) // 2
    for half in (pieces[:middle], pieces[middle:]):
        yield from _parts("".join(half), phonemes)
