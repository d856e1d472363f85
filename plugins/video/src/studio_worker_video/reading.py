"""From a prompt to a recipe: which scene or camera move, which palette, how fast."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from studio_worker_video.words import (
    COLOURS,
    FAST,
    MOVES,
    PALETTE_HINTS,
    PALETTES,
    SCENE_HINTS,
    SLOW,
)

__all__ = ["SCENES", "Recipe", "read_prompt"]

SCENES = tuple(SCENE_HINTS)

_GOES_WITH: Mapping[str, tuple[str, ...]] = {
    "aurora": ("polar", "peacock", "galaxy"),
    "clouds": ("ocean", "sunset", "pastel", "lavender", "ice"),
    "fire": ("fire",),
    "flow": ("rose", "gold", "lavender", "ocean", "candy", "peacock"),
    "kaleidoscope": ("peacock", "rose", "gold", "galaxy", "candy", "neon"),
    "landscape": ("sunset", "forest", "lavender", "ice", "ocean", "rose"),
    "bokeh": ("sunset", "night", "candy", "gold", "rose", "galaxy"),
    "plasma": ("neon", "candy", "tropical", "peacock", "sunset"),
    "rain": ("night", "ocean", "lavender"),
    "snow": ("ice", "night", "lavender"),
    "starfield": ("galaxy", "night", "peacock"),
    "tunnel": ("neon", "galaxy", "peacock", "ocean"),
    "waves": ("ocean", "sunset", "rose", "peacock"),
}
"""Palettes that suit a scene when the prompt names none."""


@dataclass(frozen=True)
class Recipe:
    """What will be shown."""

    scene: str
    colours: tuple[str, ...]
    """Hex colours, dark to light for palettes."""
    speed: float
    """1 is normal."""
    moves: tuple[str, ...]
    """Camera moves the prompt asks for, keys of :data:`words.MOVES`."""
    seed: int
    """64 bits from the text: the same text, the same clip."""


def read_prompt(prompt: str, negative: str | None) -> Recipe:
    """The recipe for a prompt. Deterministic for equal arguments."""
    words, refused = _words_of(prompt), _words_of(negative)
    seed = _digest(prompt, negative or "")
    banned = _named(refused, _SCENE_WORDS)
    scene = _choose(words, _SCENE_WORDS, banned)
    if scene is None:
        left = sorted(set(SCENES) - banned) or list(SCENES)
        scene = left[seed % len(left)]
    speed = 1.0
    if not FAST.isdisjoint(words):
        speed = 1.8
    elif not SLOW.isdisjoint(words):
        speed = 0.55
    return Recipe(scene, _colours(words, refused, scene, seed), speed, _moves(words), seed)


def _words_of(text: str | None) -> list[str]:
    """Lower-case words in the singular, in order."""
    return [_singular(word) for word in re.findall(r"[a-z]+", (text or "").lower())]


def _singular(word: str) -> str:
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


def _digest(*parts: str) -> int:
    joined = "\x1f".join(parts).encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.sha256(joined).digest()[:8], "little")


def _lexicon(names: Iterable[str], hints: Mapping[str, str]) -> dict[str, list[str]]:
    table: dict[str, list[str]] = {}
    for name in names:
        for word in sorted({_singular(w) for w in (name, *hints[name].split())}):
            table.setdefault(word, []).append(name)
    return table


_SCENE_WORDS = _lexicon(SCENES, SCENE_HINTS)
_PALETTE_WORDS = _lexicon(PALETTES, PALETTE_HINTS)


def _choose(words: list[str], lexicon: Mapping[str, list[str]], banned: set[str]) -> str | None:
    """The name most words speak for; a name itself counts three, the earlier wins a tie."""
    votes: dict[str, float] = {}
    for position, word in enumerate(words):
        for name in lexicon.get(word, ()):
            if name not in banned:
                weight = 3.0 if word == _singular(name) else 1.0
                votes[name] = votes.get(name, 0.0) + weight - position * 1e-4
    return max(votes, key=lambda name: (votes[name], name)) if votes else None


def _named(words: Iterable[str], lexicon: Mapping[str, list[str]]) -> set[str]:
    return {name for word in words for name in lexicon.get(word, ())}


def _colours(words: list[str], refused: list[str], scene: str, seed: int) -> tuple[str, ...]:
    plain = [w for w in dict.fromkeys(words) if w in COLOURS and w not in refused]
    if plain:
        return tuple(COLOURS[word] for word in plain[:5])
    banned = _named(refused, _PALETTE_WORDS)
    palette = _choose(words, _PALETTE_WORDS, banned)
    if palette is None:
        fitting = [name for name in _GOES_WITH[scene] if name not in banned]
        rest = fitting or sorted(set(PALETTES) - banned) or list(PALETTES)
        palette = rest[(seed >> 16) % len(rest)]
    return tuple(PALETTES[palette].split())


def _moves(words: list[str]) -> tuple[str, ...]:
    text = f" {' '.join(words)} "
    found = [move for move, phrases in MOVES.items() if any(f" {p} " in text for p in phrases)]
    for taken, also in (
        ("zoom out", "zoom in"),
        ("pan left", "pan right"),
        ("pan up", "pan down"),
    ):
        if taken in found and also in found:
            found.remove(also)
    return tuple(found)
