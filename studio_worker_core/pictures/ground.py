"""What lies under the transparent parts of a picture."""

from __future__ import annotations

from PIL import Image, ImageChops, ImageFilter

__all__ = ["on_ground"]

_GROUNDS = (255, 0, 128)
"""White, where it shows the drawing; else black; else the grey between."""

_NEAR = 48
"""Levels of grey: an edge closer than this to the ground is hard to see."""

_LOST = 0.1
"""Share of the edge that may be hard to see before another ground is taken."""

_SAMPLE = 512


def on_ground(layer: Image.Image) -> Image.Image:
    """An RGBA picture as RGB, on the first ground of white, black and grey that shows it.

    What counts is the edge of the drawing, where it meets the transparency: white writing
    inside a red sign is seen on any ground, white writing alone is not on white.
    """
    if layer.getchannel("A").getextrema() == (255, 255):
        return layer.convert("RGB")
    level = _ground(layer)
    under = Image.new("RGBA", layer.size, (level, level, level, 255))
    return Image.alpha_composite(under, layer).convert("RGB")


def _ground(layer: Image.Image) -> int:
    small = layer.copy()
    small.thumbnail((_SAMPLE, _SAMPLE))
    alpha = small.getchannel("A")
    edge = ImageChops.subtract(alpha, alpha.filter(ImageFilter.MinFilter(3)))
    seen = edge if edge.getbbox() else alpha
    counts = small.convert("RGB").convert("L").histogram(mask=seen.point(_is_seen))
    total = sum(counts)
    if not total:
        return _GROUNDS[0]
    lost = {ground: sum(_near(counts, ground)) / total for ground in _GROUNDS}
    fit = next((ground for ground in _GROUNDS if lost[ground] <= _LOST), None)
    return min(_GROUNDS, key=lost.__getitem__) if fit is None else fit


_is_seen = [0] * 16 + [255] * 240


def _near(counts: list[int], ground: int) -> list[int]:
    return counts[max(ground - _NEAR, 0) : ground + _NEAR + 1]
