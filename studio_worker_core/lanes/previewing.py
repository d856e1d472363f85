"""Writing previews in the engine's process, where decoding and shrinking them harms this job
alone."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studio_worker_core.foreign_text import text_of
from studio_worker_core.lanes import protocol as messages

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_PREVIEW_SIDE = 768
"""Pixels; a larger preview is made smaller."""

_PAUSE_SECONDS = 0.2
_LONGEST_TEXT = 500


class Previewer:
    """The previews of one job, one file at a time: the worker removes it when it has read it,
    and asks for the next one by that."""

    def __init__(
        self,
        order: messages.Generate,
        send: Callable[[messages.FromChild], None],
        log: Callable[[str, str], None],
    ) -> None:
        self._job_id = order.job_id
        self._scratch = order.scratch
        self._send = send
        self._log = log
        self._is_wanted = order.wanted is not None and order.wanted.previews
        self._last: Path | None = None
        self._number = 0
        self._shown_at = float("-inf")

    def is_wanted(self) -> bool:
        """Whether one would be shown now."""
        return (
            self._is_wanted
            and time.monotonic() - self._shown_at >= _PAUSE_SECONDS
            and (self._last is None or not self._last.exists())
        )

    def show(self, image: Any) -> None:
        """Write it and say so. Never raises; a failure is a warning, once."""
        self._shown_at = time.monotonic()
        try:
            path = self._written(image)
        except Exception as error:  # an image of the engine's may do anything
            self._is_wanted = False
            reason = text_of(error, _LONGEST_TEXT)
            self._log("warning", f"preview: cannot be shown, nor those after it: {reason}")
            return
        self._last = path
        self._send(messages.Previewed(self._job_id, path.name))

    def _written(self, image: Any) -> Path:
        small = _small(image)
        ext = "png" if "A" in small.getbands() else "jpg"
        self._number += 1
        path = self._scratch / f"preview-{self._number}.{ext}"
        unfinished = path.with_suffix(".part")
        if ext == "png":
            small.save(unfinished, "PNG", compress_level=1)
        else:
            small.convert("RGB").save(unfinished, "JPEG", quality=80)
        return unfinished.rename(path)


def _small(image: Any) -> Image:
    """A copy that is small enough. Raises whatever Pillow does."""
    from PIL import Image  # costs an engine without previews nothing

    if isinstance(image, (str, Path)):
        with Image.open(image) as opened:
            # A JPEG is decoded no larger than needed.
            opened.draft("RGB", (MAX_PREVIEW_SIDE, MAX_PREVIEW_SIDE))
            return _fitted(opened)
    if not isinstance(image, Image.Image):
        raise TypeError(f"{type(image).__name__} is neither a Pillow image nor a path")
    return _fitted(image)


def _fitted(image: Image) -> Image:
    if image.mode not in ("RGB", "RGBA"):
        image = image.convert("RGBA" if "A" in image.getbands() else "RGB")
    scale = MAX_PREVIEW_SIDE / max(image.size)
    if scale >= 1:
        return image.copy()
    width, height = (max(round(side * scale), 1) for side in image.size)
    return image.resize((width, height), reducing_gap=2.0)
