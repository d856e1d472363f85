"""The numbers of OKLab, a colour space in which mixtures look even.

From Björn Ottosson, "A perceptual color space for image processing" (public domain). The
arithmetic is the engines': it wants numpy, which the core does without.
"""

from __future__ import annotations

__all__ = ["CONES_TO_LAB", "RGB_TO_CONES"]

RGB_TO_CONES = (
    (0.4122214708, 0.5363325363, 0.0514459929),
    (0.2119034982, 0.6806995451, 0.1073969566),
    (0.0883024619, 0.2817188376, 0.6299787005),
)
"""From linear sRGB; the cube roots of these go on."""

CONES_TO_LAB = (
    (0.2104542553, 0.7936177850, -0.0040720468),
    (1.9779984951, -2.4285922050, 0.4505937099),
    (0.0259040371, 0.7827717662, -0.8086757660),
)
