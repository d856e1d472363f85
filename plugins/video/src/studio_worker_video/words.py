"""What the words of a prompt mean: scenes, palettes, camera moves, speed."""

from __future__ import annotations

from collections.abc import Mapping

from studio_worker_core.pictures import palettes as pictures

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

_STILLS_ONLY = frozenset({"autumn", "lava", "mint", "sepia", "spring", "storm"})

PALETTES: Mapping[str, str] = {
    **{name: colours for name, colours in pictures.PALETTES.items() if name not in _STILLS_ONLY},
    "fire": "0d0205 4a0a0c a81c10 e8590c ffae27 fff3b8",
    "pastel": "6d5c90 b59cc9 f0b5c8 fbd9c4 d5ecd9 fdfaf3",
}
"""Palette → its colours: those of pictures, two of them darker where they begin."""

PALETTE_HINTS: Mapping[str, str] = {
    **{name: words for name, words in pictures.PALETTE_HINTS.items() if name in PALETTES},
    "sunset": "sunrise dusk dawn evening twilight",
    "fire": "flame ember burning blaze dragon lava magma volcano inferno campfire",
    "night": "midnight dark moon moonlight nocturnal noir rain",
    "gold": "golden luxury treasure brass honey royal amber autumn",
    "neon": "cyberpunk synthwave vaporwave electric psychedelic disco rainbow",
    "earth": "wood soil stone clay rock coffee vintage sepia",
    "rose": "romance love valentine wine wedding",
    "mono": "monochrome grayscale greyscale ink",
    "peacock": "exotic azulejo mosaic jewel",
}
"""Palette → words that call for it: those of pictures, where a clip has no other of its own."""

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
