"""A small picture of a result: of a picture, of a clip its first frame, of a sound its shape.

For the engine's process alone: decoders are slow, and foreign files may break them.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import warnings
from typing import TYPE_CHECKING, Any, BinaryIO

from studio_worker_core.wire.media_types import mime_for

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_SIDE = 384
"""Pixels."""

MAX_BYTES = 192 * 1024
"""Largest thumbnail; a message of an engine process has to hold it."""

_MOST_PIXELS = 40_000_000
"""What is decoded for it, at most: a second or two."""
_WAVE_HEIGHT = 128
_FRAMES_A_COLUMN = 2048
_MOST_COMPRESSED = 64 << 20
_GROUND, _STROKE = (28, 30, 33), (145, 167, 255)


def thumbnail_of(file: BinaryIO, ext: str) -> bytes:
    """A PNG of at most :data:`MAX_SIDE` pixels a side; empty where none can be made. Never
    raises, whatever is in the file."""
    try:
        with warnings.catch_warnings(action="ignore"):
            small = _picture(file, ext)
            return _png(small) if small is not None else b""
    except Exception:  # decoders raise nearly anything on a foreign file
        return b""


def _picture(file: BinaryIO, ext: str) -> Image | None:
    file.seek(0)
    match mime_for(ext).partition("/")[0]:
        case "image":
            return _of_picture(file)
        case "video":
            return _of_clip(file)
        case "audio":
            return _of_sound(file, ext)
    return None


def _of_picture(file: BinaryIO) -> Image | None:
    from PIL import Image, ImageOps

    with Image.open(file) as picture:
        if picture.width * picture.height > _MOST_PIXELS:
            return None
        picture.draft("RGB", (MAX_SIDE, MAX_SIDE))  # a JPEG is decoded no larger than needed
        return _fitted(ImageOps.exif_transpose(picture))


def _of_clip(file: BinaryIO) -> Image | None:
    """The first frame, where the engine's own environment has a decoder."""
    av: Any = _installed("av")
    if av is None:
        return None
    with av.open(file) as container:
        stream = container.streams.video[0]
        if stream.width * stream.height > _MOST_PIXELS:
            return None
        for frame in container.decode(stream):
            return _fitted(frame.to_image())
    return None


def _of_sound(file: BinaryIO, ext: str) -> Image | None:
    columns = _columns_of_wave(file) if ext == "wav" else None
    if columns is None:
        columns = _columns_of_sound(file)
    return _drawn(columns) if columns else None


def _columns_of_wave(file: BinaryIO) -> list[float] | None:
    """The loudest of each column of a 16-bit file, 0 to 1; None for other files. Of a long one
    only the beginning of each column is read."""
    import mmap
    import sys
    from array import array

    from studio_worker_core.sound_length.waves import wave_in

    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        wave = wave_in(data)
        frame = 2 * wave.channels
        frames = wave.size // frame if frame else 0
        if not wave.is_sixteen_bit or not frames:
            return None
        loudest: list[float] = []
        for column in range(MAX_SIDE):
            first, last = (frames * each // MAX_SIDE for each in (column, column + 1))
            start = wave.start + first * frame
            count = max(min(last - first, _FRAMES_A_COLUMN), 1)
            samples = array("h", data[start : start + count * frame][: count * frame // 2 * 2])
            if wave.big_endian != (sys.byteorder == "big"):
                samples.byteswap()
            loudest.append(max(max(samples), -min(samples)) / 32768 if samples else 0.0)
        return loudest


def _columns_of_sound(file: BinaryIO) -> list[float] | None:
    """The same of another type, where the engine's own environment has a decoder."""
    soundfile: Any = _installed("soundfile")
    if soundfile is None or os.fstat(file.fileno()).st_size > _MOST_COMPRESSED:
        return None
    file.seek(0)
    with soundfile.SoundFile(file) as sound:
        block = max(sound.frames // MAX_SIDE, 1)
        return [
            float(abs(samples[:_FRAMES_A_COLUMN]).max()) if len(samples) else 0.0
            for samples in sound.blocks(blocksize=block, dtype="float32")
        ][:MAX_SIDE]


def _drawn(columns: list[float]) -> Image:
    from PIL import Image, ImageDraw

    picture = Image.new("RGB", (MAX_SIDE, _WAVE_HEIGHT), _GROUND)
    draw = ImageDraw.Draw(picture)
    middle, most = _WAVE_HEIGHT // 2, _WAVE_HEIGHT // 2 - 4
    for column in range(MAX_SIDE):
        half = round(min(columns[column * len(columns) // MAX_SIDE], 1.0) * most)
        draw.line([(column, middle - half), (column, middle + half)], fill=_STROKE)
    return picture


def _fitted(picture: Image) -> Image:
    if picture.mode not in ("RGB", "RGBA"):
        is_clear = "A" in picture.getbands() or "transparency" in picture.info
        picture = picture.convert("RGBA" if is_clear else "RGB")
    picture.thumbnail((MAX_SIDE, MAX_SIDE), reducing_gap=2.0)
    return picture


def _png(picture: Image) -> bytes:
    data = _saved(picture)
    # A palette: 147 kB before they are packed.
    return data if len(data) <= MAX_BYTES else _saved(picture.convert("RGB").quantize(256))


def _saved(picture: Image) -> bytes:
    from studio_worker_core.pictures.png import send_png

    picture.info.clear()  # no profile, no notes
    made = io.BytesIO()
    if picture.mode == "P":
        picture.save(made, "PNG", compress_level=4)
    else:  # the next job may wait for this process: a third of what Pillow takes
        send_png(picture, made)
    return made.getvalue()


def _installed(name: str) -> Any:
    with contextlib.suppress(ImportError):
        return importlib.import_module(name)
    return None
