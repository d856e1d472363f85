"""Soft colour fields drawn from a prompt and a seed, with Pillow alone."""

from __future__ import annotations

import hashlib
import io
import random
from collections.abc import Iterator
from pathlib import Path

from PIL import Image, ImageOps

from studio_worker_core.pictures import animated_webp, read_mask, read_picture, write_png

_CELLS = 8
_FORMATS = {"png": "PNG", "webp": "WEBP", "jpg": "JPEG", "jpeg": "JPEG"}


def picture(prompt: str, seed: int, width: int, height: int) -> Image.Image:
    """One picture of ``width`` × ``height`` pixels; the same for the same arguments."""
    # Two rows alike: nobody sees a colour that is off by 2 of 255, and a PNG is half the work.
    rows = _field(_dice(prompt, seed)).resize((width, -(-height // 2)), Image.Resampling.BILINEAR)
    return rows.resize((width, height), Image.Resampling.NEAREST)


def frames(
    prompt: str, seed: int, width: int, height: int, count: int, start: Image.Image | None = None
) -> Iterator[Image.Image]:
    """``count`` frames that drift from one colour field (or ``start``) to another."""
    dice = _dice(prompt, seed)
    one, other = _field(dice), _field(dice)
    if start is not None:
        one = start.resize((width, height))
        other = other.resize((width, height), Image.Resampling.BILINEAR)
    for number in range(count):
        frame = Image.blend(one, other, number / count)
        if frame.size != (width, height):
            frame = frame.resize((width, height), Image.Resampling.BILINEAR)
        # A line sweeps across: the encoder would drop frames that hardly differ.
        left = width * number // count
        frame.paste((255, 255, 255), (left, 0, left + max(width // 32, 2), height))
        yield frame


def opened(path: Path, width: int, height: int) -> Image.Image:
    """A fetched picture, in RGB, filling the asked size.

    Raises:
        InvalidTask: it cannot be decoded.
    """
    return ImageOps.fit(read_picture(path, "initImageUrl"), (width, height))


def mask(path: Path, width: int, height: int) -> Image.Image:
    """A fetched mask, in grey, filling the asked size.

    Raises:
        InvalidTask: it cannot be decoded.
    """
    return ImageOps.fit(read_mask(path), (width, height))


def save_picture(image: Image.Image, path: Path) -> None:
    """Write a picture in the format of its extension, quickly rather than small."""
    kind = _FORMATS[path.suffix.removeprefix(".")]
    if kind == "PNG":
        write_png(image, path)
    elif kind == "WEBP":
        image.save(path, kind, quality=75, method=0)
    else:
        image.save(path, kind, quality=85)


def save_clip(clip: Iterator[Image.Image], path: Path, durations: list[int]) -> None:
    """Write an animated WebP; ``durations`` in milliseconds, one for each frame."""
    first = next(clip)
    buffer = io.BytesIO()  # Pillow holds the whole file anyway
    first.save(
        buffer,
        "WEBP",
        save_all=True,
        append_images=clip,
        duration=durations,
        loop=0,
        quality=60,
        method=0,
        minimize_size=False,
    )
    path.write_bytes(animated_webp(buffer.getvalue(), first.size, sum(durations)))


def _dice(prompt: str, seed: int) -> random.Random:
    digest = hashlib.sha256(f"{seed}\0{prompt}".encode("utf-8", "surrogatepass")).digest()
    return random.Random(digest)  # noqa: S311 - repeatable colours, no secret


def _field(dice: random.Random) -> Image.Image:
    hue = dice.randrange(256)
    cells = bytearray()
    for _ in range(_CELLS * _CELLS):
        cells += bytes(
            (
                (hue + dice.randrange(-40, 41)) % 256,
                dice.randrange(90, 220),
                dice.randrange(80, 255),
            )
        )
    return Image.frombytes("HSV", (_CELLS, _CELLS), bytes(cells)).convert("RGB")
