"""A written file is read back before it counts."""

from __future__ import annotations

import warnings
from pathlib import Path

from PIL import Image

from studio_worker_core.errors import EngineFailed
from studio_worker_core.pictures.animations import animation_of
from studio_worker_core.pictures.reading import MAX_PIXELS

__all__ = ["check_animation", "check_picture", "check_written"]

_NAMES = {
    "jpg": "JPEG", "jpeg": "JPEG", "png": "PNG", "webp": "WEBP", "avif": "AVIF", "gif": "GIF",
    "apng": "PNG", "bmp": "BMP",
}  # fmt: skip
"""Not TIFF, of which Pillow reads only some kinds."""

_ANIMATED = frozenset({"GIF", "WEBP", "PNG"})


def check_written(path: Path) -> None:
    """What can be said of a picture or an animation by whatever engine: its first frame
    decodes, and every frame of an animated GIF, WebP or PNG is shown for some time.

    What Pillow cannot judge is passed by. Costs a decoding; belongs into an engine's process.

    Raises:
        EngineFailed: it does not hold.
    """
    kind = _NAMES.get(path.suffix.removeprefix(".").lower())
    Image.init()
    if kind not in Image.OPEN:
        return
    try:
        with (
            warnings.catch_warnings(action="ignore"),
            Image.open(path, formats=[kind, "MPO"] if kind == "JPEG" else [kind]) as picture,
        ):
            is_animated = bool(getattr(picture, "is_animated", False))
            if picture.width * picture.height <= MAX_PIXELS:
                picture.load()
        clip = animation_of(path) if is_animated and kind in _ANIMATED else None
    except Image.DecompressionBombError:
        return  # too large to be decoded here, which is no fault of the file
    except Exception as error:  # Pillow's readers raise nearly anything
        if "MAX_TEXT" in str(error):
            return  # longer notes than Pillow unpacks; the picture may well be whole
        raise EngineFailed(f"the written {path.name} cannot be read back: {error}") from error
    if clip is not None and clip.shortest <= 0:
        raise EngineFailed(
            f"the written {path.name} has {clip.frames} frames in {clip.milliseconds} ms, of "
            "which some are shown for no time; its engine must give each a duration"
        )


def check_animation(path: Path, size: tuple[int, int], frames: int, milliseconds: int) -> None:
    """Read the container of a written GIF or WebP: its size and length are these, and it has
    up to ``frames`` frames (encoders keep frames that are the same once).

    Raises:
        EngineFailed: they are not.
    """
    try:
        found = animation_of(path)
    except (OSError, ValueError) as error:
        raise EngineFailed(f"the written {path.name} cannot be read back: {error}") from error
    is_right = (found.width, found.height) == size and 1 <= found.frames <= frames
    if not is_right or found.milliseconds != milliseconds:
        raise EngineFailed(
            f"the written {path.name} has {found.frames} frames of {found.width}×{found.height} "
            f"pixels in {found.milliseconds} ms, not {frames} of {size[0]}×{size[1]} in "
            f"{milliseconds} ms"
        )


def check_picture(path: Path, size: tuple[int, int]) -> None:
    """Read the header of a written picture: its type is the extension's, its size ``size``.

    Raises:
        EngineFailed: it is not.
    """
    wanted = _NAMES.get(path.suffix.removeprefix(".").lower())
    try:
        with Image.open(path) as picture:
            found, shown = picture.format, picture.size
    except (OSError, SyntaxError, ValueError) as error:
        raise EngineFailed(f"the written {path.name} cannot be read back: {error}") from error
    if found != wanted or shown != size:
        raise EngineFailed(
            f"the written {path.name} is {found} of {shown[0]}×{shown[1]} pixels, not "
            f"{wanted} of {size[0]}×{size[1]}"
        )
