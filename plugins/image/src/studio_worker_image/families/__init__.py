"""The pattern families: each a function from a :class:`Brief` to a painter of bands."""

from __future__ import annotations

from collections.abc import Mapping

from studio_worker_image.families.brief import Brief, Family, Painter
from studio_worker_image.families.geometry import bokeh, mandala, tiles, voronoi
from studio_worker_image.families.scenes import landscape, waves
from studio_worker_image.families.skies import aurora, clouds, starfield
from studio_worker_image.families.textures import marble, noise, plasma, silk, wood

__all__ = ["FAMILY_PAINTERS", "Brief", "Family", "Painter"]

FAMILY_PAINTERS: Mapping[str, Family] = {
    "aurora": aurora,
    "bokeh": bokeh,
    "clouds": clouds,
    "landscape": landscape,
    "mandala": mandala,
    "marble": marble,
    "noise": noise,
    "plasma": plasma,
    "silk": silk,
    "starfield": starfield,
    "tiles": tiles,
    "voronoi": voronoi,
    "waves": waves,
    "wood": wood,
}
"""Name → family; the names are :data:`studio_worker_image.words.FAMILIES`."""
