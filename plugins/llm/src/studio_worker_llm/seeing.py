"""Pictures as llama.cpp reads them."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from studio_worker_core.pictures import read_picture

_PREFIX = "image_"


def pictures_of(inputs: Mapping[str, Path]) -> Sequence[str]:
    """The pictures of a chat, in order, as ``data:`` URLs.

    They are turned upright and written as PNG: llama.cpp knows no WebP and no EXIF.

    Raises:
        InvalidTask: one is no picture, is broken or too large.
    """
    numbers = [name.removeprefix(_PREFIX) for name in inputs if name.startswith(_PREFIX)]
    shown = []
    for number in sorted(int(each) for each in numbers if each.isdigit()):
        picture = read_picture(inputs[f"{_PREFIX}{number}"], "images")
        written = io.BytesIO()
        picture.save(written, "PNG", compress_level=1)
        shown.append("data:image/png;base64," + base64.b64encode(written.getvalue()).decode())
    return shown
