"""What the words of a prompt mean: scenes, palettes, colours, camera moves, speed."""

from __future__ import annotations

__all__ = ["COLOURS", "FAST", "MOVES", "PALETTES", "PALETTE_HINTS", "SCENE_HINTS", "SLOW"]

SCENE_HINTS: dict[str, str] = {
    "aurora": "northern light borealis polar arctic curtain glow magic",
    "bokeh": "light firefly lantern lamp city party festival bubble confetti wedding christmas",
    "clouds": "cloud sky fog mist weather heaven air dawn dream storm",
    "fire": "flame campfire inferno burn burning ember lava magma torch bonfire dragon explosion",
    "flow": "silk fabric satin velvet ribbon fluid liquid smoke ink marble abstract smooth paint",
    "kaleidoscope": "mandala ornament symmetry crystal flower snowflake mosaic pattern sacred",
    "landscape": "mountain hill valley forest tree desert dune horizon canyon nature scenery "
    "journey travel train road island castle wilderness sunset sunrise",
    "plasma": "psychedelic electric energy retro disco rainbow lsd acid",
    "rain": "raindrop drizzle monsoon thunder window noir",
    "snow": "winter snowfall blizzard ice frost cold snowy",
    "starfield": "space galaxy star cosmos universe cosmic planet warp hyperspace nebula rocket "
    "spaceship astronaut",
    "tunnel": "wormhole portal vortex spiral cyberpunk neon vaporwave synthwave grid race",
    "waves": "wave ocean sea water beach lake river surf tide underwater ship boat fish",
}
"""Scene → words (singular) that call for it, beside its own name."""

PALETTES: dict[str, str] = {
    "sunset": "1b1035 4a1c57 a0305c e5573f f9a03f ffe3a0",
    "ocean": "04122b 0a3557 0f6d8c 2fa8b5 8fd9cf f2fbf0",
    "forest": "0b1a12 16341f 2f5d34 5f8f46 a8c56c f0f0c8",
    "fire": "0d0205 4a0a0c a81c10 e8590c ffae27 fff3b8",
    "night": "05060f 0d1533 1d2b5e 3d4f94 8593cf e6e8ff",
    "gold": "1a1206 4a3410 8c6520 c99a3b f0cf7a fffbe6",
    "pastel": "6d5c90 b59cc9 f0b5c8 fbd9c4 d5ecd9 fdfaf3",
    "ice": "0b1c33 1f4e79 4f93bf 93c9e0 cfeaf3 ffffff",
    "desert": "2b1410 6b2f1e b5643a dd9a5b f0c98d fdf1d6",
    "candy": "3a1150 8d2a8b e8509a ff8fb0 ffc6a8 fff4dd",
    "neon": "08041c 2a0a5e 7a12c9 f0189b 18d8f0 f2ffe0",
    "polar": "03101c 082f3e 0e6b5e 2fc98a 9df2a8 d9b8ff",
    "earth": "1a130e 40301f 76593a a98a5e d2bd92 f4ecd8",
    "rose": "2a0a18 6b1a38 b4395f de7a93 f3b9c0 fff1ee",
    "lavender": "1a1230 3d2f6b 7460ab a997d6 d6c9ef fbf8ff",
    "mono": "08090b 2a2c30 5c6066 969aa0 cfd2d6 ffffff",
    "tropical": "062b36 04736f 12b59a ffd166 ff8c61 ffeadb",
    "galaxy": "04030c 1b1140 51247f a8408f f08fa0 ffe9d6",
    "peacock": "07122b 123f6e 0e7f8a 2db48a d8c24a fff6d0",
}
"""Palette → its colours from dark to light, as hex."""

PALETTE_HINTS: dict[str, str] = {
    "sunset": "sunrise dusk dawn evening twilight",
    "ocean": "sea water beach lake river underwater tide aqua marine surf",
    "forest": "jungle tree leaf moss grass nature meadow emerald garden",
    "fire": "flame ember burning blaze dragon lava magma volcano inferno campfire",
    "night": "midnight dark moon moonlight nocturnal noir rain",
    "gold": "golden luxury treasure brass honey royal amber autumn",
    "pastel": "soft baby gentle dreamy cute kawaii unicorn",
    "ice": "snow winter frost glacier arctic frozen cold snowflake",
    "desert": "sand dune canyon sahara mars",
    "candy": "sweet bubblegum lollipop party",
    "neon": "cyberpunk synthwave vaporwave electric psychedelic disco rainbow",
    "polar": "aurora borealis northern",
    "earth": "wood soil stone clay rock coffee vintage sepia",
    "rose": "romance love valentine wine wedding",
    "lavender": "lilac wisteria dream",
    "mono": "monochrome grayscale greyscale ink",
    "tropical": "summer paradise island parrot caribbean",
    "galaxy": "space nebula cosmos universe cosmic milky",
    "peacock": "exotic azulejo mosaic jewel",
}
"""Palette → words (singular) that call for it, beside its own name."""

COLOURS: dict[str, str] = {
    "red": "d62828",
    "crimson": "a4133c",
    "orange": "f77f00",
    "yellow": "f9c80e",
    "lime": "a7e22e",
    "green": "2f9e44",
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
    "copper": "b87333",
    "silver": "b8bec6",
    "grey": "7b7f85",
    "gray": "7b7f85",
    "black": "121316",
    "white": "f7f7f4",
}
"""Plain colour words; one or more of them in a prompt make the palette."""

MOVES: dict[str, tuple[str, ...]] = {
    "zoom out": ("zoom out", "zooming out", "pull back", "pull out", "dolly out", "reveal"),
    "zoom in": ("zoom in", "zooming in", "zoom", "push in", "dolly in", "close up", "closer"),
    "pan left": ("pan left", "panning left", "move left", "to the left", "leftward"),
    "pan right": ("pan right", "panning right", "move right", "to the right", "rightward"),
    "pan up": ("pan up", "tilt up", "move up", "crane up", "upward", "rise", "rising"),
    "pan down": ("pan down", "tilt down", "move down", "crane down", "downward", "descend"),
}
"""Camera move → what people write for it (singular words); the earlier entry wins."""

SLOW = frozenset({"slow", "slowly", "calm", "gentle", "gently", "peaceful", "subtle", "relaxing"})
FAST = frozenset({"fast", "quick", "quickly", "rapid", "dramatic", "wild", "hyper", "energetic"})
