"""The words of a prompt, and which of several names they speak for."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable, Mapping

__all__ = ["Lexicon", "digest", "words_of"]


def words_of(text: str | None) -> list[str]:
    """Lower-case words in the singular, in order."""
    return [_singular(word) for word in re.findall(r"[a-z]+", (text or "").lower())]


def _singular(word: str) -> str:
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


def digest(*parts: str) -> int:
    """A number of 64 bits from texts: the same on every machine."""
    joined = "\x1f".join(parts).encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.sha256(joined).digest()[:8], "little")


class Lexicon:
    """Names, each with words that call for it.

    :param hints: name → words, apart by spaces, beside the name itself.
    """

    def __init__(self, names: Iterable[str], hints: Mapping[str, str]) -> None:
        self._names_of: dict[str, list[str]] = {}
        for name in names:
            for word in {_singular(word) for word in (name, *hints.get(name, "").split())}:
                self._names_of.setdefault(word, []).append(name)

    def choose(self, words: Iterable[str], banned: Collection[str] = ()) -> str | None:
        """The name most words speak for; a name itself counts three, the earlier wins a tie.

        :param words: as :func:`words_of` gives them.
        """
        votes: dict[str, float] = {}
        for position, word in enumerate(words):
            for name in self._names_of.get(word, ()):
                if name not in banned:
                    weight = 3.0 if word == _singular(name) else 1.0
                    votes[name] = votes.get(name, 0.0) + weight - position * 1e-4
        return max(votes, key=lambda name: (votes[name], name)) if votes else None

    def named(self, words: Iterable[str]) -> set[str]:
        """Every name that one of the words calls for."""
        return {name for word in words for name in self._names_of.get(word, ())}
