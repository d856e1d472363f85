"""What the words of a prompt mean: pattern families.

Light on purpose (no numpy): the host imports it at every start through ``plugin``.
"""

from __future__ import annotations

FAMILIES: tuple[str, ...] = (
    "aurora",
    "bokeh",
    "clouds",
    "landscape",
    "mandala",
    "marble",
    "noise",
    "plasma",
    "silk",
    "starfield",
    "tiles",
    "voronoi",
    "waves",
    "wood",
)
"""The pattern families; each is also a model, ``procedural-<family>``."""

FAMILY_HINTS: dict[str, str] = {
    "aurora": "northern light borealis polar glow curtain",
    "bokeh": "bubble lantern light lamp blur city street traffic rain party dot confetti firefly "
    "snow fruit cafe bar",
    "clouds": "cloud sky storm stormy fog foggy mist misty weather heaven air dawn dream "
    "bird angel",
    "landscape": "mountain hill valley forest tree desert dune horizon canyon nature field "
    "scenery island castle wilderness path village sunset sunrise "
    "moon fox wolf deer bear horse animal",
    "mandala": "kaleidoscope flower blossom ornament snowflake rosette symmetry sacred star "
    "crystal",
    "marble": "hall palace temple column statue stone granite agate onyx vein mineral rock",
    "noise": "smoke ink abstract fluid nebulous texture grain paint watercolor watercolour lava "
    "fire flame magma liquid",
    "plasma": "psychedelic electric energy retro disco vaporwave acid rainbow",
    "silk": "portrait woman dress fabric cloth satin velvet ribbon fold flow smooth "
    "elegant wallpaper curve",
    "starfield": "space galaxy nebula star cosmos universe cosmic planet astronaut milky",
    "tiles": "tile mosaic pattern truchet geometric grid maze floor azulejo ceramic",
    "voronoi": "cell stained glass window crack scale giraffe cellular honeycomb gem",
    "waves": "wave ocean sea water beach river surf tide underwater ship fish",
    "wood": "timber plank oak bark walnut bamboo desk furniture pine",
}
"""Family → words (singular) that call for it, beside its own name."""
