"""Writing a finished picture in the format that was wished for."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from PIL import Image

from studio_worker_core.pictures import check_picture, write_png
from studio_worker_core.plugin import ImageTask, Job
from studio_worker_image.plugin import EXTENSIONS

Effort = Literal["fast", "small"]
"""``fast``: a few milliseconds for 512 × 512. ``small``: several times slower and a smaller
file, for engines that take seconds anyway."""

_PILLOW_NAMES = {"png": "PNG", "webp": "WEBP", "jpg": "JPEG", "jpeg": "JPEG", "avif": "AVIF"}

# A fast PNG is written without Pillow, which chooses among five filters for each row. WebP:
# method 0 takes a quarter of method 4. JPEG: 4:4:4 keeps the edges of saturated colours. AVIF:
# one thread and one tile, so that the bytes do not depend on the number of cores.
_OPTIONS: dict[Effort, dict[str, dict[str, Any]]] = {
    "fast": {
        "WEBP": {"quality": 84, "method": 0},
        "JPEG": {"quality": 90, "subsampling": 0},
        "AVIF": {"quality": 75, "speed": 10, "max_threads": 1},
    },
    "small": {
        "PNG": {"compress_level": 6},
        "WEBP": {"quality": 90, "method": 4},
        "JPEG": {"quality": 92, "subsampling": 0, "optimize": True},
        "AVIF": {"quality": 80, "speed": 6, "max_threads": 1},
    },
}
_LOSSLESS = frozenset({"apng", "bmp", "gif", "tif", "tiff"})
_LONGEST_SIDE = {"webp": 16383}


def format_for(wish: str, *, longest_side: int = 0) -> str:
    """The extension written for a wished one (protocol §3: ``ext`` is a wish).

    Itself if it is in :data:`~studio_worker_image.plugin.EXTENSIONS`, else PNG for lossless
    formats and WebP for the rest; PNG where the picture is larger than the format allows.
    """
    wish = wish.lower()
    ext = wish if wish in EXTENSIONS else "png" if wish in _LOSSLESS else "webp"
    return "png" if longest_side > _LONGEST_SIDE.get(ext, 65500) else ext


def save_picture(picture: Image.Image, path: Path, *, effort: Effort = "fast") -> None:
    """Write a picture in the format of the path's extension, one of ``EXTENSIONS``.

    The same pixels make the same bytes. Transparency is kept except in JPEG, where white
    shows through.
    """
    name = _PILLOW_NAMES[path.suffix.removeprefix(".").lower()]
    if name == "JPEG" and picture.mode not in ("RGB", "L"):
        solid = picture.convert("RGBA")
        ground = Image.new("RGBA", solid.size, "white")
        picture = Image.alpha_composite(ground, solid).convert("RGB")
    if name == "PNG" and effort == "fast":
        write_png(picture, path)
    else:
        picture.save(path, name, **_OPTIONS[effort][name])


def write_picture(job: Job[ImageTask], picture: Image.Image, *, effort: Effort = "fast") -> Path:
    """Write the result of a job in the format its task wishes for, or the nearest there is.

    Returns:
        The path, as :meth:`Engine.generate` returns it.

    Raises:
        EngineFailed: the file read back is not the picture.
    """
    path = job.output(format_for(job.task.ext, longest_side=max(picture.size)))
    save_picture(picture, path, effort=effort)
    check_picture(path, picture.size)
    return path
