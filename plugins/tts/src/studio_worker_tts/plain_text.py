"""Text from outside as plain text: what no library may see is out before one is asked."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from studio_worker_core.plugin import AudioTtsTask, InvalidTask, Job

_JOINERS = "\u200c\u200d"
"""Parts of words in Persian and in the scripts of India, and of emoji."""
_SPACES = "\t\n\r\v\f\x85\u2028\u2029"
_SHOWN = 12


def plain(text: str) -> tuple[str, list[str]]:
    """``text`` composed (NFC) without control characters and what is no character at all, and
    what was taken out.

    Marks of direction, of line breaks and the like go too; they have no sound, so they are
    not in the list.
    """
    kept: list[str] = []
    out: list[str] = []
    for character in unicodedata.normalize("NFC", text):
        kind = unicodedata.category(character)
        if character in _SPACES:
            kept.append(" " if character == "\t" else "\n")
        elif kind in ("Cc", "Cs", "Co", "Cn"):
            kept.append(" ")
            out.append(character)
        elif kind != "Cf" or character in _JOINERS:
            kept.append(character)
    return "".join(kept), out


def refuse_or_tell(
    job: Job[AudioTtsTask], who: str, left_out: Iterable[str], *, says: bool
) -> None:
    """Tell in the job's log what ``who`` leaves out of the text.

    Raises:
        InvalidTask: nothing is left to say; names the characters.
    """
    missing = list(dict.fromkeys(left_out))
    if not says:
        raise InvalidTask(
            f"{who} has no sounds for this text: it cannot say {shown(missing)}"
            if missing
            else "the text has nothing to say: it is empty, or punctuation alone"
        )
    if missing:
        job.log(f"{who} has no sounds for {shown(missing)}; the rest is said", "warning")


def shown(characters: Iterable[str]) -> str:
    """Characters for a person: as they are, or by number when they cannot be seen."""
    names = [
        f"'{one}'" if one.isprintable() else " ".join(f"U+{ord(c):04X}" for c in one)
        for one in characters
    ]
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
