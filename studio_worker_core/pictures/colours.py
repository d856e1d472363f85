"""From whatever a file holds to sRGB in bytes: depth, palettes, transparency, profiles."""

from __future__ import annotations

import io
import math

from PIL import Image, ImageChops, ImageCms

__all__ = ["has_deep_clear_colour", "layer_of"]

_ALPHA_MODES = frozenset({"RGBA", "LA", "PA", "RGBa", "La"})
_DEEP = frozenset({"I", "I;16", "I;16B", "I;16L", "I;16N", "F"})
_UNITS = {"1": 255, "L;1": 255, "L;2": 85, "L;4": 17}
"""Raw mode of a grey → what one step of its samples is in bytes."""


_DEEP_COLOURS = "RGB;16B"
"""Raw mode of colours of 16 bits in PNG, of which Pillow keeps the upper bytes."""


def has_deep_clear_colour(picture: Image.Image, raw_mode: str) -> bool:
    """Whether what is transparent depends on bytes that Pillow does not keep."""
    return raw_mode == _DEEP_COLOURS and isinstance(picture.info.get("transparency"), tuple)


def layer_of(picture: Image.Image, raw_mode: str, lower: Image.Image | None = None) -> Image.Image:
    """A loaded picture as RGB, or RGBA where something is transparent.

    :param raw_mode: how the file stores its samples, as Pillow names it (``"RGB;16B"``).
    :param lower: the lower bytes of its samples, where :func:`has_deep_clear_colour`.

    Raises:
        ValueError: samples that have no brightness.
    """
    alpha = _alpha(picture, raw_mode, lower)
    if picture.mode in _DEEP:
        solid = _shallow(picture)
    elif picture.mode in ("L", "RGB", "CMYK"):
        solid = picture
    elif picture.mode in ("1", "LA", "La"):
        solid = picture.convert("LA" if picture.mode == "La" else picture.mode).convert("L")
    elif picture.mode in ("RGBa", "PA", "P"):
        solid = picture.convert("RGBA").convert("RGB")
    else:
        solid = picture.convert("RGB")
    solid = _in_srgb(solid, picture.info.get("icc_profile"))
    if alpha is None:
        return solid
    layer = solid.convert("RGBA")
    layer.putalpha(alpha)
    return layer


def _alpha(picture: Image.Image, raw_mode: str, lower: Image.Image | None) -> Image.Image | None:
    if picture.mode in _ALPHA_MODES:
        return picture.convert("RGBA").getchannel("A")
    clear = picture.info.get("transparency")
    if clear is None:
        return None
    if picture.mode == "P":
        return picture.convert("RGBA").getchannel("A")
    if picture.mode in ("1", "L") and isinstance(clear, int):
        # Of one bit, Pillow says 1 or 255 for white, by its version.
        white = 255 if clear else 0
        level = white if picture.mode == "1" else clear * _UNITS.get(raw_mode, 1)
        return picture.convert("L").point([0 if n == level else 255 for n in range(256)])
    if picture.mode == "I;16" and isinstance(clear, int):
        return picture.convert("I").point([0 if n == clear else 255 for n in range(65536)], "L")
    if picture.mode == "RGB" and isinstance(clear, tuple):
        if lower is not None:
            return _unlike(picture, lower, clear)
        keyed = picture.copy()
        keyed.info["transparency"] = tuple(min(level, 255) for level in clear)
        return keyed.convert("RGBA").getchannel("A")
    return None


def _unlike(upper: Image.Image, lower: Image.Image, colour: tuple[int, ...]) -> Image.Image:
    """0 where a picture of 16 bits, given as two halves, has exactly this colour; else 255."""
    found = Image.new("L", upper.size, 0)
    for half, shift in ((upper, 8), (lower, 0)):
        for band, level in zip(half.split(), colour, strict=True):
            wanted = level >> shift & 255
            other = band.point([0 if n == wanted else 255 for n in range(256)])
            found = ImageChops.lighter(found, other)
    return found


def _shallow(picture: Image.Image) -> Image.Image:
    """A grey of 16 or 32 bits or of floats as one of 8, scaled, never clipped."""
    if picture.mode.startswith("I;16"):
        picture = picture.convert("I")
        low, high = 0.0, 65535.0
    else:
        found = picture.getextrema()
        low, high = (float(level) for level in found if isinstance(level, int | float))
        if not (math.isfinite(low) and math.isfinite(high)):
            raise ValueError("it has samples that are no numbers")
        tops = (1.0, 255.0, 65535.0) if picture.mode == "F" else (255.0, 65535.0)
        top = next((top for top in tops if high <= top), None)
        if low >= 0 and top is not None:
            low, high = 0.0, top
        elif high <= low:
            high = low + 1
    scale = 255 / (high - low)
    # Floats throughout: Pillow's whole numbers would be cut off before they are scaled.
    wide = picture.convert("F")
    return wide.point(lambda level: level * scale + (0.5 - low * scale)).convert("L")


def _in_srgb(picture: Image.Image, profile: bytes | None) -> Image.Image:
    if profile:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            target = ImageCms.createProfile("sRGB")
            shown = ImageCms.profileToProfile(picture, source, target, outputMode="RGB")
            if shown is not None:
                return shown
        except (ImageCms.PyCMSError, OSError, TypeError, ValueError):
            pass  # a broken profile, or one for other channels: as if there were none
    return picture.convert("RGB")
