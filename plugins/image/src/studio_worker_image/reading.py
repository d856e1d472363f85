"""From a prompt to a recipe: which family, which palette, which mood."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from studio_worker_core.pictures.palettes import Palette, Palettes
from studio_worker_core.pictures.prompts import Lexicon, digest, words_of
from studio_worker_image.words import FAMILIES, FAMILY_HINTS

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
    palette: Palette
    words: frozenset[str]


_FAMILIES = Lexicon(FAMILIES, FAMILY_HINTS)
_PALETTES = Palettes()


def read_prompt(prompt: str, negative: str | None, *, family: str | None = None) -> Recipe:
    """The recipe for a prompt; ``family`` forces one. Deterministic for equal arguments."""
    words, refused = words_of(prompt), words_of(negative)
    number = digest(prompt, negative or "")
    barred = _FAMILIES.named(refused)
    chosen = family or _FAMILIES.choose(words, barred)
    if chosen is None:
        allowed = [name for name in _SUITS_ANYTHING if name not in barred]
        allowed = allowed or sorted(set(FAMILIES) - barred) or list(FAMILIES)
        chosen = allowed[number % len(allowed)]
    palette = _PALETTES.read(words, refused, fitting=_GOES_WITH[chosen], number=number >> 16)
    return Recipe(chosen, palette, frozenset(words))
