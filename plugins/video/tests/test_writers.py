"""The writers' own promises: a plugin as imageio expects it, and nothing held that need not be."""

from __future__ import annotations

import io
import threading
import zipfile
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import pytest
from imageio.core.request import InitializationError
from PIL import Image

from studio_worker_video.canvas import Frame
from studio_worker_video.settings import Settings
from studio_worker_video.timing import Timing
from studio_worker_video.writers import CLIPS, GifClip, Mp4Clip, sampled


def noise(number: int, width: int, height: int) -> Frame:
    rng = np.random.default_rng(number)
    return rng.integers(0, 256, (height, width, 3), dtype=np.uint8)


def write(
    path: Path,
    settings: Settings,
    frames: Iterable[Frame],
    draw: Callable[[int], Frame] | None = None,
) -> None:
    chosen = sampled(settings.timing.frames) if draw else ()
    samples = (draw(number) for number in chosen if draw)
    plugin = CLIPS[settings.ext]
    with iio.imopen(path, "w", plugin=plugin, settings=settings, samples=samples) as clip:
        for frame in frames:
            clip.write(frame)
            del frame


class Counting:
    """Frames that know how many of them are alive at once."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._alive = 0
        self.most = 0

    def __iter__(self) -> Iterator[Frame]:
        for number in range(self._settings.timing.frames):
            frame = noise(number, self._settings.width, self._settings.height).view(_Tracked)
            frame.owner = self
            self.count(1)
            yield frame
            del frame

    def count(self, change: int) -> None:
        self._alive += change
        self.most = max(self.most, self._alive)


class _Tracked(np.ndarray[tuple[int, ...], np.dtype[np.uint8]]):
    owner: Counting | None = None

    def __del__(self) -> None:
        if self.owner is not None:
            self.owner.count(-1)


@pytest.mark.parametrize("ext", CLIPS)
def test_frames_are_passed_on_one_by_one(tmp_path: Path, ext: str) -> None:
    settings = Settings(64, 48, ext, Timing(60, Fraction(3)))
    frames = Counting(settings)
    write(tmp_path / f"clip.{ext}", settings, frames, lambda k: noise(k, 64, 48))
    assert 1 <= frames.most <= 3


def test_a_gif_stores_only_what_changed(tmp_path: Path) -> None:
    def draw(number: int) -> Frame:
        frame = np.zeros((64, 64, 3), np.uint8)
        frame[:8, :8] = 200
        frame[20:24, 4 * number : 4 * number + 4] = 255
        return frame

    settings = Settings(64, 64, "gif", Timing(10, Fraction(1)))
    path = tmp_path / "clip.gif"
    write(path, settings, map(draw, range(10)), draw)
    with Image.open(path) as picture:
        for number in range(10):
            picture.seek(number)
            assert np.array_equal(np.asarray(picture.convert("RGB")), draw(number))
    assert path.stat().st_size < 2000


@pytest.mark.parametrize("colours", [1, 2, 3, 17, 256])
def test_a_gif_of_few_colours_has_exactly_those(tmp_path: Path, colours: int) -> None:
    shades = np.linspace(0, 255, colours).astype(np.uint8)

    def draw(number: int) -> Frame:
        row = np.roll(np.resize(shades, 256), number)
        return np.repeat(np.tile(row, (16, 1))[..., None], 3, axis=2)

    settings = Settings(256, 16, "gif", Timing(4, Fraction(1)))
    path = tmp_path / "clip.gif"
    write(path, settings, map(draw, range(4)), draw)
    with Image.open(path) as picture:
        assert getattr(picture, "n_frames", 1) == 4
        for number in range(4):
            picture.seek(number)
            assert np.abs(np.asarray(picture.convert("RGB")).astype(int) - draw(number)).max() <= 4


def test_a_gif_shows_the_rows_where_they_were_drawn(tmp_path: Path) -> None:
    """Each row its own shade, so that rows out of order (interlaced) cannot pass."""

    def draw(number: int) -> Frame:
        rows = np.roll(np.arange(64, dtype=np.uint8) * 4, number)
        return np.repeat(np.repeat(rows[:, None], 48, axis=1)[..., None], 3, axis=2)

    settings = Settings(48, 64, "gif", Timing(6, Fraction(1)))
    path = tmp_path / "clip.gif"
    write(path, settings, map(draw, range(6)), draw)
    shown = list(iio.imiter(path, plugin="pillow", mode="RGB"))
    assert np.array_equal(shown, [draw(number) for number in range(6)])


def drawn(number: int, width: int = 96, height: int = 64) -> Frame:
    """Smooth, different in every corner and in every frame."""
    y, x = np.mgrid[0:height, 0:width]
    rgb = [x * 255 // width, y * 255 // height, np.full_like(x, 20 * number)]
    return np.stack(rgb, axis=-1).astype(np.uint8)


@pytest.mark.parametrize("ext", CLIPS)
def test_what_imageio_reads_is_what_was_drawn(tmp_path: Path, ext: str) -> None:
    settings = Settings(96, 64, ext, Timing(10, Fraction(1)))
    path = tmp_path / f"clip.{ext}"
    write(path, settings, map(drawn, range(10)), drawn)
    reader = {"plugin": "pillow", "mode": "RGB"} if ext in ("gif", "webp") else {"plugin": "pyav"}
    shown = list(iio.imiter(path, **reader))
    assert len(shown) == 10
    for number, frame in enumerate(shown):
        off = np.abs(frame.astype(int) - drawn(number)).mean()
        # 256 colours for all ten frames of a GIF; rows in a wrong order are far off 16.
        assert off < (16 if ext == "gif" else 8)


@pytest.mark.parametrize("ext", CLIPS)
def test_frames_one_by_one_or_together_give_the_same_bytes(tmp_path: Path, ext: str) -> None:
    settings = Settings(96, 64, ext, Timing(5, Fraction(1)))
    frames = [drawn(number) for number in range(5)]
    path, plugin = tmp_path / f"clip.{ext}", CLIPS[ext]
    write(path, settings, frames)
    with iio.imopen("<bytes>", "w", plugin=plugin, settings=settings) as clip:
        assert clip.write(frames[0]) is None
        encoded = clip.write(np.stack(frames[1:]))
    assert encoded == path.read_bytes()
    buffer = io.BytesIO()
    with iio.imopen(buffer, "w", plugin=plugin, settings=settings) as clip:
        clip.write(list(frames))
    assert buffer.getvalue() == encoded
    with iio.imopen(tmp_path / f"a.zip/clip.{ext}", "w", plugin=plugin, settings=settings) as clip:
        clip.write(list(frames))
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        assert archive.read(f"clip.{ext}") == encoded


@pytest.mark.parametrize("ext", CLIPS)
def test_a_clip_that_lacks_frames_is_an_error(tmp_path: Path, ext: str) -> None:
    settings = Settings(96, 64, ext, Timing(5, Fraction(1)))
    with pytest.raises(ValueError, match="not complete: 2 of 5"):
        write(tmp_path / f"clip.{ext}", settings, map(drawn, range(2)))
    with pytest.raises(ValueError, match="not complete: 0 of 5"):
        write(tmp_path / f"empty.{ext}", settings, [])
    with pytest.raises(ValueError, match="clip is over: the settings say 5 frames"):
        write(tmp_path / f"clip.{ext}", settings, map(drawn, range(6)))
    with pytest.raises(ValueError, match=r"\(64, 95, 3\) of uint8, not \(64, 96, 3\)"):
        write(tmp_path / f"clip.{ext}", settings, [drawn(0, 95)])


@pytest.mark.parametrize("ext", CLIPS)
def test_an_interrupted_clip_lets_go_and_hides_nothing(tmp_path: Path, ext: str) -> None:
    def frames() -> Iterator[Frame]:
        yield from map(drawn, range(2))
        raise KeyError("the caller's own")

    settings = Settings(96, 64, ext, Timing(5, Fraction(1)))
    threads = threading.active_count()
    with pytest.raises(KeyError, match="the caller's own"):
        write(tmp_path / f"clip.{ext}", settings, frames())
    assert threading.active_count() == threads
    left = iio.imopen(tmp_path / f"left.{ext}", "w", plugin=CLIPS[ext], settings=settings)
    left.write(drawn(0))
    del left
    assert threading.active_count() == threads


def test_a_webp_that_cannot_be_encoded_says_so(tmp_path: Path) -> None:
    """libwebp ends at 16383 pixels; the thread that encodes passes its error on."""
    settings = Settings(16384, 16, "webp", Timing(5, Fraction(1)))
    frames = (drawn(number, 16384, 16) for number in range(5))
    with pytest.raises((RuntimeError, ValueError, OSError)):
        write(tmp_path / "clip.webp", settings, frames)
    assert "webp-encoder" not in {thread.name for thread in threading.enumerate()}


def test_a_plugin_refuses_what_it_is_not_for(tmp_path: Path) -> None:
    gif = Settings(96, 64, "gif", Timing(5, Fraction(1)))
    path = tmp_path / "clip.gif"
    write(path, gif, map(drawn, range(5)))
    refused = pytest.raises(OSError, match="can not handle")
    with refused as caught:
        iio.imopen(path, "r", plugin=GifClip, settings=gif)
    assert isinstance(caught.value.__cause__, InitializationError)
    with refused:
        iio.imopen(path, "w", plugin=Mp4Clip, settings=gif)
    with refused:
        iio.imopen(tmp_path / "clip.mp4", "w", plugin=GifClip, settings=gif)
    with iio.imopen(path, "w", plugin=GifClip, settings=gif) as clip:
        with pytest.raises(NotImplementedError):
            clip.read()
        clip.write([drawn(number) for number in range(5)])
