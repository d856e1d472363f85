"""Writing frames to a file, one after the other, in the format its extension says."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from studio_worker_video.canvas import Frame
from studio_worker_video.settings import Settings
from studio_worker_video.writers.gif import write_gif
from studio_worker_video.writers.streams import write_mp4, write_webm
from studio_worker_video.writers.webp import write_webp

__all__ = ["WRITERS", "Writer"]

Writer = Callable[[Path, Settings, Iterable[Frame], Callable[[int], Frame]], None]
"""``write(path, settings, frames, draw)``: ``frames`` yields each frame once, in order, and is
where progress is counted; ``draw(k)`` gives any one frame beforehand, for a palette."""

WRITERS: dict[str, Writer] = {
    "gif": write_gif,
    "mp4": lambda path, settings, frames, _: write_mp4(path, settings, frames),
    "webm": lambda path, settings, frames, _: write_webm(path, settings, frames),
    "webp": lambda path, settings, frames, _: write_webp(path, settings, frames),
}
"""Extension → writer."""
