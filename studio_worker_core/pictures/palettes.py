"""Colours by name, and those that a prompt asks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from studio_worker_core.pictures.prompts import Lexicon

__all__ = ["COLOURS", "PALETTES", "PALETTE_HINTS", "Palette", "Palettes"]

PALETTES: Mapping[str, str] = {
    "sunset": "1b1035 4a1c57 a0305c e5573f f9a03f ffe3a0",
    "ocean": "04122b 0a3557 0f6d8c 2fa8b5 8fd9cf f2fbf0",
    "forest": "0b1a12 16341f 2f5d34 5f8f46 a8c56c f0f0c8",
    "fire": "14040a 540a0e a81c10 e8590c ffae27 fff3b8",
    "night": "05060f 0d1533 1d2b5e 3d4f94 8593cf e6e8ff",
    "gold": "1a1206 4a3410 8c6520 c99a3b f0cf7a fffbe6",
    "pastel": "7d6b9e b59cc9 f0b5c8 fbd9c4 d5ecd9 fdfaf3",
    "ice": "0b1c33 1f4e79 4f93bf 93c9e0 cfeaf3 ffffff",
    "desert": "2b1410 6b2f1e b5643a dd9a5b f0c98d fdf1d6",
    "autumn": "1d0f0c 571b12 9c3a18 d3761f eab54a f7e7b4",
    "spring": "1c3a2a 3f8052 8cc368 f2d5df f49ab8 fff7ea",
    "candy": "3a1150 8d2a8b e8509a ff8fb0 ffc6a8 fff4dd",
    "neon": "08041c 2a0a5e 7a12c9 f0189b 18d8f0 f2ffe0",
    "polar": "03101c 082f3e 0e6b5e 2fc98a 9df2a8 d9b8ff",
    "lava": "0a0607 2a0b0b 7a120c d8330f ff8a1f ffe08a",
    "earth": "1a130e 40301f 76593a a98a5e d2bd92 f4ecd8",
    "rose": "2a0a18 6b1a38 b4395f de7a93 f3b9c0 fff1ee",
    "lavender": "1a1230 3d2f6b 7460ab a997d6 d6c9ef fbf8ff",
    "mono": "08090b 2a2c30 5c6066 969aa0 cfd2d6 ffffff",
    "sepia": "1c120a 4b3420 84603c b58f63 dcc39c fbf2df",
    "tropical": "062b36 04736f 12b59a ffd166 ff8c61 ffeadb",
    "mint": "0e2a2a 1f5c57 4ba08d 94d3ba d1f0df ffffff",
    "galaxy": "04030c 1b1140 51247f a8408f f08fa0 ffe9d6",
    "storm": "0d1117 232c3a 46566b 7d8fa3 b7c3cd eef2f4",
    "peacock": "07122b 123f6e 0e7f8a 2db48a d8c24a fff6d0",
}
"""Palette → its colours from dark to light, as hex."""

PALETTE_HINTS: Mapping[str, str] = {
    "sunset": "sunrise dusk dawn evening twilight fox",
    "ocean": "sea water beach lake river underwater tide aqua marine surf",
    "forest": "jungle tree leaf moss grass nature meadow emerald garden",
    "fire": "flame ember burning blaze dragon",
    "night": "midnight dark moon moonlit moonlight nocturnal star starry gothic",
    "gold": "golden luxury treasure brass honey royal amber",
    "pastel": "soft baby gentle dreamy cute kawaii unicorn",
    "ice": "snow winter frost glacier arctic frozen cold snowflake",
    "desert": "sand dune canyon sahara mars",
    "autumn": "fall october harvest maple rust",
    "spring": "blossom april cherry sakura flower",
    "candy": "sweet bubblegum lollipop party",
    "neon": "cyberpunk synthwave vaporwave electric psychedelic disco",
    "polar": "aurora borealis northern",
    "lava": "magma volcano volcanic inferno hell",
    "earth": "wood timber oak bark soil stone clay rock walnut",
    "rose": "romance love valentine wine",
    "lavender": "lilac wisteria dream",
    "mono": "monochrome noir grayscale greyscale ink",
    "sepia": "vintage old antique parchment coffee",
    "tropical": "summer paradise island parrot caribbean",
    "mint": "fresh jade",
    "galaxy": "space nebula cosmos universe cosmic milky",
    "storm": "stormy thunder rain weather steel",
    "peacock": "exotic azulejo mosaic jewel stained",
}
"""Palette → words (singular) that call for it, beside its own name."""

COLOURS: Mapping[str, str] = {
    "red": "d62828",
    "crimson": "a4133c",
    "scarlet": "e5383b",
    "orange": "f77f00",
    "yellow": "f9c80e",
    "lime": "a7e22e",
    "green": "2f9e44",
    "olive": "7a7d2a",
    "teal": "0f8b8d",
    "turquoise": "30c5c0",
    "cyan": "22c7e8",
    "azure": "2f8fed",
    "blue": "2457c5",
    "navy": "14275e",
    "indigo": "3f2b96",
    "violet": "7b2cbf",
    "purple": "6a1b9a",
    "magenta": "d81b8c",
    "pink": "f48fb1",
    "coral": "ff7f61",
    "peach": "ffc09f",
    "brown": "6f4518",
    "beige": "e6d5b8",
    "copper": "b87333",
    "silver": "b8bec6",
    "grey": "7b7f85",
    "gray": "7b7f85",
    "black": "121316",
    "white": "f7f7f4",
}
"""Plain colour words; one or more of them in a prompt make the palette."""

_MOST_COLOURS = 5
"""Colour words of one prompt that are heard."""


class Palette(NamedTuple):
    """Colours to draw with."""

    name: str
    """A palette's, or ``"colours"`` where the prompt named plain colours."""
    colours: tuple[str, ...]
    """Hex: dark to light of a palette, in the prompt's order of plain colours."""


class Palettes:
    """The palettes an engine has, and the words that call for them.

    :param colours: palette → its colours from dark to light, as hex, apart by spaces.
    :param hints: palette → words that call for it, as :class:`Lexicon` takes them.
    """

    def __init__(
        self, colours: Mapping[str, str] = PALETTES, hints: Mapping[str, str] = PALETTE_HINTS
    ) -> None:
        self._colours = colours
        self._lexicon = Lexicon(colours, hints)

    def read(
        self, words: Sequence[str], refused: Sequence[str], *, fitting: Sequence[str], number: int
    ) -> Palette:
        """The colours for a prompt: its colour words, or else the palette it calls for.

        :param words, refused: of the prompt and the negative prompt, as
            :func:`~studio_worker_core.pictures.prompts.words_of` gives them.
        :param fitting: the palettes to take one of where no word calls for any.
        :param number: which of those; any whole number.
        """
        plain = [w for w in dict.fromkeys(words) if w in COLOURS and w not in refused]
        if plain:
            return Palette("colours", tuple(COLOURS[word] for word in plain[:_MOST_COLOURS]))
        banned = self._lexicon.named(refused)
        name = self._lexicon.choose(words, banned)
        if name is None:
            left = [name for name in fitting if name not in banned]
            left = left or sorted(set(self._colours) - banned) or list(self._colours)
            name = left[number % len(left)]
        return Palette(name, tuple(self._colours[name].split()))
