"""The colours of a picture as a palette."""

from __future__ import annotations

import numpy as np
from PIL import Image

from studio_worker_image.ramps import Ramp, spread

_COLOURS = 5
_SAMPLE = 96


def palette_of(picture: Image.Image) -> Ramp:
    """A ramp from dark to light through the main colours of an RGB picture."""
    sample = picture.convert("RGB")
    sample.thumbnail((_SAMPLE, _SAMPLE), Image.Resampling.BOX)
    found = sample.quantize(_COLOURS, Image.Quantize.MEDIANCUT, kmeans=2)
    table = np.array(found.getpalette(), np.float32).reshape(-1, 3)
    used = sorted({int(number) for number in np.unique(np.asarray(found))})
    colours = np.unique(table[used].round(), axis=0)
    return Ramp(spread(np.asarray(colours / 255, np.float32)))
