"""MP4 (H.264) and WebM (VP9), through PyAV.

Why not imageio, whose ``pyav`` plugin drives the same library: it has no public way to give
an encoder its options (preset, quality, threads). On 48 frames of 512x512 that made MP4 twice
and WebM seven times as slow, and a WebM different each time; with the same options (set
through a private attribute) both took the same time. ``bench/video_engine.py`` measures it.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import av
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter

from studio_worker_video.canvas import Frame
from studio_worker_video.settings import Settings

__all__ = ["write_mp4", "write_webm"]

_THREADS = 4
"""Fixed, not one for each core: x264's bytes depend on how many there are."""

_X264 = {"preset": "veryfast", "crf": "18"}
_VP9 = {
    "deadline": "realtime",
    "cpu-used": "7",
    "crf": "26",
    "b": "0",
    "row-mt": "1",
    "tile-columns": "1",
    "g": "120",
}


def write_mp4(path: Path, settings: Settings, frames: Iterable[Frame]) -> None:
    """H.264 with the index in front, so that it plays while it loads.

    yuv420p for even sizes. H.264 counts its cropping in units of a chroma sample, so an odd
    side cannot exist in 4:2:0 at all; those clips are yuv444p, where the unit is one pixel.
    """
    odd = settings.width % 2 or settings.height % 2
    # PyAV needs a real file for faststart: the muxer opens it a second time.
    muxing = {"movflags": "+faststart", "fflags": "+bitexact"}
    _encode(path, settings, frames, "libx264", "yuv444p" if odd else "yuv420p", _X264, muxing)


def write_webm(path: Path, settings: Settings, frames: Iterable[Frame]) -> None:
    """VP9, any size in yuv420p."""
    # Without bitexact the muxer draws random ids.
    muxing = {"fflags": "+bitexact"}
    _encode(path, settings, frames, "libvpx-vp9", "yuv420p", _VP9, muxing)


def _encode(
    path: Path,
    settings: Settings,
    frames: Iterable[Frame],
    codec: str,
    pixels: str,
    options: dict[str, str],
    muxing: dict[str, str],
) -> None:
    rate = settings.timing.rate
    reformatter = VideoReformatter()
    with av.open(str(path), "w", format=path.suffix[1:], options=muxing) as container:
        stream = container.add_stream(codec, rate=rate, options=options)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = settings.width, settings.height, pixels
        context = stream.codec_context
        context.time_base = Fraction(1, 1) / rate
        context.thread_count = _THREADS
        # Said in the file: players take small clips for BT.601 and large ones for BT.709.
        context.color_range = ColorRange.MPEG
        context.colorspace = context.color_primaries = context.color_trc = 1  # BT.709
        for number, frame in enumerate(frames):
            picture = reformatter.reformat(
                av.VideoFrame.from_ndarray(frame, format="rgb24"),
                format=pixels,
                dst_colorspace=Colorspace.ITU709,
                dst_color_range=ColorRange.MPEG,
            )
            picture.pts, picture.time_base = number, context.time_base
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
