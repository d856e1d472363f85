"""The formats, as plugins of imageio that write a clip frame by frame.

.. code-block:: python

    with iio.imopen(path, "w", plugin=Mp4Clip, settings=settings) as clip:
        for frame in frames:
            clip.write(frame)
"""

from __future__ import annotations

from studio_worker_video.writers.clip import Clip
from studio_worker_video.writers.gif import GifClip, sampled
from studio_worker_video.writers.streams import Mp4Clip, WebmClip
from studio_worker_video.writers.webp import WebpClip
from studio_worker_video.writers.written import check_clip

__all__ = ["CLIPS", "Clip", "GifClip", "Mp4Clip", "WebmClip", "WebpClip", "check_clip", "sampled"]

CLIPS: dict[str, type[Clip]] = {clip.ext: clip for clip in (GifClip, Mp4Clip, WebmClip, WebpClip)}
"""Extension → its plugin."""
