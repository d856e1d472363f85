"""From a prompt to a recipe: which family, which palette, which mood."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from studio_worker_image.words import (
    COLOURS,
    FAMILIES,
    FAMILY_HINTS,
    PALETTE_HINTS,
    PALETTES,
)

__all__ = ["Recipe", "digest", "read_prompt", "words_of"]

_GOES_WITH: Mapping[str, tuple[str, ...]] = {
    "aurora": ("polar", "peacock", "galaxy", "neon"),
    "bokeh": ("sunset", "candy", "gold", "rose", "galaxy", "neon"),
    "clouds": ("ocean", "sunset", "pastel", "lavender", "ice", "rose"),
    "landscape": ("sunset", "forest", "lavender", "autumn", "ice", "ocean", "rose"),
    "mandala": ("peacock", "rose", "gold", "galaxy", "candy", "ocean"),
    "marble": ("ice", "gold", "mono", "mint", "sepia"),
    "noise": ("fire", "ocean", "galaxy", "peacock", "sunset", "lava"),
    "plasma": ("neon", "candy", "tropical", "peacock", "sunset"),
    "silk": ("rose", "gold", "lavender", "ocean", "candy", "night"),
    "starfield": ("galaxy", "night", "polar", "fire", "peacock"),
    "tiles": ("ocean", "peacock", "autumn", "mint", "tropical", "sepia"),
    "voronoi": ("peacock", "tropical", "autumn", "sunset", "neon", "candy"),
    "waves": ("ocean", "sunset", "mint", "peacock", "ice"),
    "wood": ("earth", "sepia", "autumn", "gold"),
}
"""Palettes that suit a family when the prompt names none."""

_SUITS_ANYTHING = ("aurora", "bokeh", "clouds", "landscape", "mandala", "noise", "silk", "waves")
"""Families for a prompt whose words call for none."""


@dataclass(frozen=True)
class Recipe:
    """What will be drawn."""

    family: str
    palette: str
    """A palette's name, or ``"colours"`` when :attr:`colours` are the palette."""
    colours: tuple[str, ...]
    """Hex colours, in the prompt's order for colour words, dark to light for palettes."""
    words: frozenset[str]


def words_of(text: str | None) -> list[str]:
    """Lower-case words in the singular, in order."""
    found = re.findall(r"[a-z]+", (text or "").lower())
    return [_singular(word) for word in found]


def _singular(word: str) -> str:
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us")):
        return word[:-1]
    return word


def digest(*parts: str) -> int:
    """A number of 64 bits from texts: the same on every machine."""
    joined = "\x1f".join(parts).encode()
    return int.from_bytes(hashlib.sha256(joined).digest()[:8], "little")


def _lexicon(names: Iterable[str], hints: Mapping[str, str]) -> dict[str, list[str]]:
    table: dict[str, list[str]] = {}
    for name in names:
        for word in {_singular(word) for word in (name, *hints.get(name, "").split())}:
            table.setdefault(word, []).append(name)
    return table


_FAMILY_WORDS = _lexicon(FAMILIES, FAMILY_HINTS)
_PALETTE_WORDS = _lexicon(PALETTES, PALETTE_HINTS)


def _choose(words: list[str], lexicon: Mapping[str, list[str]], banned: set[str]) -> str | None:
    """The name most words speak for; a name itself counts three, the earlier wins a tie."""
    votes: dict[str, float] = {}
    for position, word in enumerate(words):
        for name in lexicon.get(word, ()):
            if name not in banned:
                weight = 3.0 if word in (name, _singular(name)) else 1.0
                votes[name] = votes.get(name, 0.0) + weight - position * 1e-4
    return max(votes, key=lambda name: (votes[name], name)) if votes else None


def _named(words: Iterable[str], lexicon: Mapping[str, list[str]]) -> set[str]:
    return {name for word in words for name in lexicon.get(word, ())}


def read_prompt(prompt: str, negative: str | None, *, family: str | None = None) -> Recipe:
    """The recipe for a prompt; ``family`` forces one. Deterministic for equal arguments."""
    words = words_of(prompt)
    refused = words_of(negative)
    number = digest(prompt, negative or "")
    chosen = family or _choose(words, _FAMILY_WORDS, _named(refused, _FAMILY_WORDS))
    if chosen is None:
        barred = _named(refused, _FAMILY_WORDS)
        allowed = [name for name in _SUITS_ANYTHING if name not in barred]
        allowed = allowed or sorted(set(FAMILIES) - barred) or list(FAMILIES)
        chosen = allowed[number % len(allowed)]
    kept = frozenset(words)
    colours = [w for w in dict.fromkeys(words) if w in COLOURS and w not in refused]
    if colours:
        return Recipe(chosen, "colours", tuple(COLOURS[word] for word in colours[:5]), kept)
    banned = _named(refused, _PALETTE_WORDS)
    palette = _choose(words, _PALETTE_WORDS, banned)
    if palette is None:
        fitting = [name for name in _GOES_WITH[chosen] if name not in banned]
        rest = fitting or sorted(set(PALETTES) - banned) or list(PALETTES)
        palette = rest[(number >> 16) % len(rest)]
    return Recipe(chosen, palette, tuple(PALETTES[palette].split()), kept)
