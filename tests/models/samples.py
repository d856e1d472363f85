"""Small pictures and sounds as files."""

from __future__ import annotations

import io
import wave

from PIL import Image


def picture(kind: str = "PNG", size: tuple[int, int] = (20, 10)) -> bytes:
    """A picture of one colour."""
    file = io.BytesIO()
    Image.new("RGB", size, "teal").save(file, kind)
    return file.getvalue()


def sound() -> bytes:
    """A tenth of a second of silence."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setparams((1, 2, 16_000, 0, "NONE", ""))
        writer.writeframes(bytes(3200))
    return file.getvalue()
