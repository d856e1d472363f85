"""The pictures a job brings, as every engine reads them: upright, opaque, sRGB, bounded.

Of an animation the first frame is read, of a file with pages the first page.
"""

from __future__ import annotations

import warnings
from pathlib import Path

from PIL import Image

from studio_worker_core.errors import InvalidTask
from studio_worker_core.pictures.colours import has_deep_clear_colour, layer_of
from studio_worker_core.pictures.ground import on_ground

__all__ = ["MAX_PIXELS", "read_mask", "read_picture"]

MAX_PIXELS = 80_000_000
"""Largest picture decoded: 320 MB of memory, and below where Pillow warns of a bomb."""

_FORMATS = (
    "PNG", "JPEG", "MPO", "WEBP", "GIF", "AVIF", "TIFF", "BMP", "DIB", "ICO", "JPEG2000", "PPM"
)  # fmt: skip
"""None of them starts another program, as Pillow does for PostScript."""

_ORIENTATION = 0x0112
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def read_picture(path: Path, what: str) -> Image.Image:
    """A fetched picture as RGB of its own size, without metadata.

    Transparent parts lie on white; where that hides the drawing's edge, on black, else grey.

    :param what: the task field it came from, for the error: ``"initImageUrl"``.

    Raises:
        InvalidTask: it is no picture, is cut short or broken, or has over
            :data:`MAX_PIXELS` pixels.
    """
    layer = _decoded(path, what)
    return _bare(on_ground(layer) if layer.mode == "RGBA" else layer)


def read_mask(path: Path, what: str = "maskUrl") -> Image.Image:
    """A fetched mask as grey of its own size; what is transparent is black.

    Raises:
        InvalidTask: as :func:`read_picture`.
    """
    layer = _decoded(path, what)
    grey = layer.convert("RGB").convert("L")
    if layer.mode == "RGBA":
        grey = Image.composite(grey, Image.new("L", grey.size, 0), layer.getchannel("A"))
    return _bare(grey)


def _decoded(path: Path, what: str) -> Image.Image:
    Image.init()
    known = [name for name in _FORMATS if name in Image.OPEN]
    try:
        with warnings.catch_warnings():
            # Some pictures hold another one inside, whose size only Pillow's own check sees.
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            layer, turn = _layer(path, known, what)
    except InvalidTask:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise InvalidTask(
            f"the picture of {what} has more than the {MAX_PIXELS // 1_000_000} million pixels "
            "read here; send a smaller one"
        ) from error
    except Exception as error:
        # Foreign code on foreign bytes: Pillow's readers raise nearly anything.
        raise InvalidTask(
            f"the picture of {what} cannot be decoded: {_reason(error, path)}; "
            "send a whole PNG, JPEG or WebP"
        ) from error
    return layer if turn is None else layer.transpose(turn)


def _layer(path: Path, known: list[str], what: str) -> tuple[Image.Image, Image.Transpose | None]:
    with Image.open(path, formats=known) as picture:
        _check_size(picture, what)
        raw_mode = _raw_mode(picture)
        picture.load()
        turn = _TURNS.get(_orientation(picture))
        lower = _lower_bytes(path) if has_deep_clear_colour(picture, raw_mode) else None
        return layer_of(picture, raw_mode, lower), turn


def _lower_bytes(path: Path) -> Image.Image:
    """The other half of a PNG's samples of 16 bits, of which Pillow keeps the upper bytes."""
    with Image.open(path, formats=("PNG",)) as picture:
        # Read as if the lower byte came last, and so were the one to keep.
        picture.tile = [tile._replace(args="RGB;16L") for tile in picture.tile]
        picture.load()
        picture.info.clear()
        return picture.copy()


def _check_size(picture: Image.Image, what: str) -> None:
    if picture.width * picture.height > MAX_PIXELS:
        raise InvalidTask(
            f"the picture of {what} has {picture.width}×{picture.height} pixels, more than the "
            f"{MAX_PIXELS // 1_000_000} million read here; send a smaller one"
        )


def _raw_mode(picture: Image.Image) -> str:
    """How the samples are stored; known only until the picture is loaded."""
    for tile in getattr(picture, "tile", ()):
        arguments = tile[3]
        found = arguments[0] if isinstance(arguments, tuple) and arguments else arguments
        return found if isinstance(found, str) else ""
    return ""


def _orientation(picture: Image.Image) -> int:
    try:
        return int(picture.getexif().get(_ORIENTATION, 1))
    except Exception:  # a broken Exif block says nothing about the pixels
        return 1


def _reason(error: BaseException, path: Path) -> str:
    return str(error).replace(str(path), "the file")[:300] or type(error).__name__


def _bare(picture: Image.Image) -> Image.Image:
    """Without the file's profile and notes, which Pillow hands on to what is painted next."""
    clean = Image.new(picture.mode, picture.size)
    clean.paste(picture)
    return clean
