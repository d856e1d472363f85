"""Image to image: a picture painted over with a drawing."""

from __future__ import annotations

import numpy as np
from PIL import Image

from studio_worker_image.ramps import Ramp


def repaint(picture: Image.Image, drawn: Image.Image, ramp: Ramp, denoise: float) -> Image.Image:
    """``picture`` painted over with ``drawn``: 0 keeps it, 1 leaves only the drawing.

    In between, the drawing fades in while what is left of the picture moves towards the
    drawing's colours, so that both look like one work rather than a double exposure.

    :param picture: RGB, of the drawing's size.
    :param ramp: the colours of the drawing.
    """
    if denoise <= 0:
        return picture
    if denoise >= 1:
        return drawn
    toned = Image.blend(picture, _toned(picture, ramp), denoise**0.5 * 0.85)
    return Image.blend(toned, drawn, denoise**1.5)


def _toned(picture: Image.Image, ramp: Ramp) -> Image.Image:
    """The picture's lights and darks in the colours of the ramp."""
    colours = ramp.at(np.linspace(0, 1, 256, dtype=np.float32))
    table = (np.clip(colours, 0, 1) * 255 + 0.5).astype(np.uint8)
    return Image.fromarray(table[np.asarray(picture.convert("L"))])
