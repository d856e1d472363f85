"""The settings of a job: the task's own values, the model's defaults and what a format allows."""

from __future__ import annotations

from msgspec import Struct

from studio_worker_core.pictures.limits import size_of
from studio_worker_core.plugin import CliDefaults, VideoTask
from studio_worker_video.bounds import Bounds
from studio_worker_video.timing import Timing, timing_of

EXTENSIONS = ("mp4", "webm", "gif", "webp")

_NEAREST = {"mkv": "webm", "ogv": "webm", "ogg": "webm", "vp9": "webm"} | dict.fromkeys(
    ("png", "apng", "avif", "avifs", "jpg", "jpeg", "jxl", "mng"), "webp"
)
_DEFAULT_FPS = {"gif": 20.0}  # 5 centiseconds: the smoothest GIF with even delays


class Settings(Struct, frozen=True):
    """Everything a job needs, decided."""

    width: int
    """Pixels of the result, exactly."""
    height: int
    ext: str
    """One of :data:`EXTENSIONS`."""
    timing: Timing


def extension_for(wish: str) -> str:
    """The extension answered for a wished one: itself, or the nearest format we write."""
    wanted = wish.lower()
    return wanted if wanted in EXTENSIONS else _NEAREST.get(wanted, "mp4")


def settings_of(task: VideoTask, defaults: CliDefaults, bounds: Bounds) -> Settings:
    """Put a task and its model's defaults together.

    The size is that of :func:`~studio_worker_core.pictures.limits.size_of`.

    Raises:
        InvalidTask: the outcome is over one of ``bounds``.
    """
    width, height = size_of(task, defaults)
    ext = extension_for(task.ext)
    fps = task.fps or _DEFAULT_FPS.get(ext, 24.0)
    bounds.check(width=width, height=height, seconds=task.seconds, fps=fps)
    return Settings(width, height, ext, timing_of(task.seconds, fps, ext))
