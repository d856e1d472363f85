"""Animated WebP, through Pillow."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from PIL import Image

from studio_worker_video.canvas import Frame
from studio_worker_video.settings import Settings

__all__ = ["write_webp"]


class _Sequence(Image.Image):
    """A multi-frame picture that makes a frame when the writer seeks to it.

    Pillow's writer counts the frames of everything it is given first, so a generator of
    pictures would be run to its end and held; a picture with ``n_frames`` is not.
    """

    is_animated = True

    def __init__(self, frames: Iterator[Frame], count: int) -> None:
        super().__init__()
        self._frames = frames
        self._next = 0
        self.n_frames = count
        self._show(next(frames))

    def seek(self, frame: int) -> None:
        """Go on to the next frame; the writer asks for each once, in order."""
        if frame == self._next:
            self._show(next(self._frames))

    def tell(self) -> int:
        return 0

    def _show(self, frame: Frame) -> None:
        self._next += 1
        picture = Image.fromarray(frame)
        self.im = picture.im
        self._mode, self._size = picture.mode, picture.size


def write_webp(path: Path, settings: Settings, frames: Iterable[Frame]) -> None:
    """A WebP that repeats for ever. Delays are whole milliseconds, their sum is exact; frames
    that are the same are stored once with a longer delay, as libwebp always does."""
    sequence = _Sequence(iter(frames), settings.timing.frames)
    sequence.save(
        path,
        "WEBP",
        save_all=True,
        duration=settings.timing.delays(1000),
        loop=0,
        quality=82,
        # Method 4 makes a third less of a file in three times the time.
        method=0,
        minimize_size=False,
    )
