"""From a prompt to a recipe: which scene or camera move, which palette, how fast."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from studio_worker_core.pictures.palettes import Palettes
from studio_worker_core.pictures.prompts import Lexicon, digest, words_of
from studio_worker_video.words import FAST, MOVES, PALETTE_HINTS, PALETTES, SCENE_HINTS, SLOW

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

_SCENES = Lexicon(SCENES, SCENE_HINTS)
_PALETTES = Palettes(PALETTES, PALETTE_HINTS)


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
    words, refused = words_of(prompt), words_of(negative)
    seed = digest(prompt, negative or "")
    banned = _SCENES.named(refused)
    scene = _SCENES.choose(words, banned)
    if scene is None:
        left = sorted(set(SCENES) - banned) or list(SCENES)
        scene = left[seed % len(left)]
    speed = 1.0
    if not FAST.isdisjoint(words):
        speed = 1.8
    elif not SLOW.isdisjoint(words):
        speed = 0.55
    palette = _PALETTES.read(words, refused, fitting=_GOES_WITH[scene], number=seed >> 16)
    return Recipe(scene, palette.colours, speed, _moves(words), seed)


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
