"""A written clip is read back before it counts: its container, without decoding a frame."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
from msgspec import Struct

from studio_worker_core.pictures import animation_of
from studio_worker_core.plugin import EngineFailed
from studio_worker_video.settings import Settings

_SLACK = Fraction(2, 1000)
"""Seconds: WebM counts in whole milliseconds."""


class _Found(Struct, frozen=True):
    width: int
    height: int
    frames: int
    seconds: Fraction


def check_clip(path: Path, settings: Settings) -> None:
    """Size, frames and length of a written clip are those of ``settings``.

    Raises:
        EngineFailed: they are not, or the file is cut short or of another type.
    """
    try:
        found = _animation(path) if settings.ext in ("gif", "webp") else _stream(path, settings.ext)
    except (OSError, ValueError, av.FFmpegError) as error:
        raise EngineFailed(f"the written {path.name} cannot be read back: {error}") from error
    timing = settings.timing
    # WebP stores frames that are the same once, shown for longer.
    fewer = settings.ext == "webp" and 1 <= found.frames <= timing.frames
    slack = _SLACK if settings.ext in ("mp4", "webm") else Fraction(0)
    wrong = (
        (found.width, found.height) != (settings.width, settings.height)
        or not (fewer or found.frames == timing.frames)
        or abs(found.seconds - timing.seconds) > slack
    )
    if wrong:
        raise EngineFailed(
            f"the written {path.name} has {found.frames} frames of {found.width}×{found.height} "
            f"pixels in {float(found.seconds):g} s, not {timing.frames} of "
            f"{settings.width}×{settings.height} in {float(timing.seconds):g} s"
        )


def _animation(path: Path) -> _Found:
    clip = animation_of(path)
    return _Found(clip.width, clip.height, clip.frames, Fraction(clip.milliseconds, 1000))


def _stream(path: Path, ext: str) -> _Found:
    with av.open(str(path)) as container:
        if ext not in container.format.name.split(","):
            raise ValueError(f"it is {container.format.name}")
        stream = container.streams.video[0]
        frames, first, last = 0, None, None
        for packet in container.demux(stream):
            if packet.pts is None:
                continue  # the end of the stream
            frames += 1
            first = packet.pts if first is None else min(first, packet.pts)
            last = packet.pts if last is None else max(last, packet.pts)
        if first is None or last is None or stream.time_base is None:
            raise ValueError("there are no frames in it")
        span = (last - first) * stream.time_base
        seconds = span * frames / (frames - 1) if frames > 1 else _alone(container, stream)
        return _Found(stream.width, stream.height, frames, Fraction(seconds))


def _alone(container: av.container.InputContainer, stream: av.VideoStream) -> Fraction:
    """How long the one frame of a clip is shown."""
    if stream.duration and stream.time_base:
        return stream.duration * stream.time_base
    return Fraction(container.duration or 0, 1_000_000)
