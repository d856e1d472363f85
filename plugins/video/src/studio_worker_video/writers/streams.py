"""MP4 (H.264) and WebM (VP9), through PyAV.

Why not imageio's own ``pyav`` plugin, which drives the same library: it has no public way to
give an encoder its options (preset, quality, threads). On 48 frames of 512x512 that made MP4
twice and WebM seven times as slow, and a WebM different each time; with the same options (set
through a private attribute) both took the same time. ``bench/video_engine.py`` measures it.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import ClassVar

import av
from av.container import OutputContainer
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter

from studio_worker_video.canvas import Frame
from studio_worker_video.writers.clip import Clip

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


class _Stream(Clip):
    codec: ClassVar[str]
    options: ClassVar[Mapping[str, str]]
    muxing: ClassVar[Mapping[str, str]]

    _container: OutputContainer | None = None

    def _pixels(self) -> str:
        return "yuv420p"

    def _begin(self, frame: Frame) -> None:
        settings = self._settings
        # A path, not a file: for faststart the muxer opens it a second time.
        path = self.request.get_local_filename()
        container = av.open(str(path), "w", format=self.ext, options=dict(self.muxing))
        self._container = container
        rate = settings.timing.rate
        stream = container.add_stream(self.codec, rate=rate, options=dict(self.options))
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height = settings.width, settings.height
        stream.pix_fmt = self._pixels()
        context = stream.codec_context
        context.time_base = Fraction(1, 1) / rate
        context.thread_count = _THREADS
        # Said in the file: players take small clips for BT.601 and large ones for BT.709.
        context.color_range = ColorRange.MPEG
        context.colorspace = context.color_primaries = context.color_trc = 1  # BT.709
        self._stream = stream
        self._reformatter = VideoReformatter()

    def _add(self, frame: Frame, number: int) -> None:
        assert self._container is not None
        picture = self._reformatter.reformat(
            av.VideoFrame.from_ndarray(frame, format="rgb24"),
            format=self._pixels(),
            dst_colorspace=Colorspace.ITU709,
            dst_color_range=ColorRange.MPEG,
        )
        picture.pts, picture.time_base = number, self._stream.codec_context.time_base
        self._container.mux(self._stream.encode(picture))

    def _end(self) -> None:
        assert self._container is not None
        self._container.mux(self._stream.encode(None))
        # Here, not while letting go: closing writes the index and can fail.
        self._container.close()

    def _abandon(self) -> None:
        if self._container is not None:
            self._container.close()


class Mp4Clip(_Stream):
    """H.264 with the index in front, so that it plays while it loads.

    yuv420p for even sizes. H.264 counts its cropping in units of a chroma sample, so an odd
    side cannot exist in 4:2:0 at all; those clips are yuv444p, where the unit is one pixel.
    """

    ext = "mp4"
    codec = "libx264"
    options = _X264
    muxing: ClassVar[Mapping[str, str]] = {"movflags": "+faststart", "fflags": "+bitexact"}

    def _pixels(self) -> str:
        odd = self._settings.width % 2 or self._settings.height % 2
        return "yuv444p" if odd else "yuv420p"


class WebmClip(_Stream):
    """VP9, any size in yuv420p."""

    ext = "webm"
    codec = "libvpx-vp9"
    options = _VP9
    # Without bitexact the muxer draws random ids.
    muxing: ClassVar[Mapping[str, str]] = {"fflags": "+bitexact"}
