"""Whole jobs: every format decoded again, and what happens when something is off."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from plugins.video.tests.clips import Clip, decoded
from studio_worker_core.plugin import CliDefaults, InvalidTask, JobCancelled, Model, VideoTask
from studio_worker_core.testing.jobs import RecordedJob, make_job
from studio_worker_video.engine import MotionEngine
from studio_worker_video.reading import SCENES

FORMATS = ("mp4", "webm", "gif", "webp")
CODECS = {"mp4": "h264", "webm": "vp9", "gif": "GIF", "webp": "WEBP"}


class Studio:
    """Runs jobs and remembers what was heard."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._jobs = 0
        self._job: RecordedJob[VideoTask]
        self.is_cancelled: Callable[[], bool] = lambda: False

    @property
    def progress(self) -> list[tuple[float, str | None]]:
        """Of the last job: fractions and words."""
        return list(zip(self._job.fractions, self._job.messages, strict=True))

    @property
    def logs(self) -> list[str]:
        """The lines of the last job."""
        return [line for _, line in self._job.logs]

    def run(
        self,
        prompt: str = "plasma",
        *,
        inputs: Mapping[str, Path] | None = None,
        defaults: CliDefaults | None = None,
        **task: Any,
    ) -> Path:
        """The path of the result."""
        self._jobs += 1
        directory = self._root / f"job-{self._jobs}"
        directory.mkdir()
        self._job = make_job(
            VideoTask(prompt=prompt, **task),
            directory,
            model=Model("motion", defaults=defaults or CliDefaults()),
            inputs=inputs,
            is_cancelled=self.is_cancelled,
        )
        path = MotionEngine().generate(self._job)
        assert isinstance(path, Path)
        assert [entry.name for entry in directory.iterdir()] == [path.name]
        return path

    def clip(self, prompt: str = "plasma", **task: Any) -> Clip:
        """The result, decoded."""
        return decoded(self.run(prompt, **task))


@pytest.fixture
def studio(tmp_path: Path) -> Studio:
    return Studio(tmp_path)


@pytest.mark.parametrize("ext", FORMATS)
@pytest.mark.parametrize("size", [(96, 64), (33, 47), (16, 16), (17, 2048)])
def test_a_clip_has_the_asked_size_length_and_frames(
    studio: Studio, ext: str, size: tuple[int, int]
) -> None:
    clip = studio.clip("calm waves", ext=ext, width=size[0], height=size[1], seconds=0.5, fps=10)
    assert clip.path.name == f"result.{ext}"
    assert clip.codec == CODECS[ext]
    assert clip.size == size
    assert clip.seconds == Fraction(1, 2)
    assert len(clip.frames) == 5


@pytest.mark.parametrize("ext", FORMATS)
@pytest.mark.parametrize(
    ("seconds", "fps"), [(1.0, 12.5), (0.7, 24.0), (1.23, 23.976), (0.3, 50.0), (0.95, 29.97)]
)
def test_the_length_is_exact_whatever_the_frame_rate(
    studio: Studio, ext: str, seconds: float, fps: float
) -> None:
    clip = studio.clip(ext=ext, width=32, height=32, seconds=seconds, fps=fps)
    assert clip.seconds == Fraction(str(seconds))
    assert abs(len(clip.frames) - seconds * fps) <= 0.5
    if clip.rate is not None and ext == "mp4":
        assert len(clip.frames) / clip.rate == clip.seconds


def test_frames_come_at_24_a_second_and_20_in_a_gif(studio: Studio) -> None:
    assert len(studio.clip(ext="mp4", width=32, height=32, seconds=1).frames) == 24
    assert len(studio.clip(ext="gif", width=32, height=32, seconds=1).frames) == 20


def test_a_gif_never_has_a_frame_that_browsers_would_slow_down(studio: Studio) -> None:
    clip = studio.clip(ext="gif", width=32, height=32, seconds=1, fps=60)
    assert len(clip.frames) == 50
    assert clip.seconds == 1
    assert any("50 fps, not 60" in line for line in studio.logs)


def test_an_even_mp4_is_yuv420p_with_its_index_in_front(studio: Studio) -> None:
    clip = studio.clip(ext="mp4", width=64, height=48, seconds=0.5)
    assert clip.pixels == "yuv420p"
    data = clip.path.read_bytes()
    assert 0 < data.index(b"moov") < data.index(b"mdat")
    assert not studio.logs


def test_an_odd_mp4_keeps_its_size_and_says_how(studio: Studio) -> None:
    clip = studio.clip(ext="mp4", width=65, height=48, seconds=0.5)
    assert (clip.size, clip.pixels) == ((65, 48), "yuv444p")
    assert any("odd side" in line for line in studio.logs)


@pytest.mark.parametrize("ext", ["gif", "webp"])
def test_pictures_that_move_repeat_for_ever(studio: Studio, ext: str) -> None:
    with Image.open(studio.run(ext=ext, width=32, height=32, seconds=0.5)) as picture:
        assert picture.info["loop"] == 0


@pytest.mark.parametrize("ext", FORMATS)
def test_the_same_task_gives_the_same_bytes(studio: Studio, ext: str) -> None:
    asked: dict[str, Any] = {"ext": ext, "width": 320, "height": 240, "seconds": 0.3}
    results = {studio.run("a neon tunnel", **asked).read_bytes() for _ in range(3)}
    assert len(results) == 1
    assert studio.run("a golden tunnel", **asked).read_bytes() not in results


@pytest.mark.parametrize("scene", SCENES)
def test_the_colours_survive_every_format(studio: Studio, scene: str) -> None:
    clips = [studio.clip(scene, ext=e, width=96, height=64, seconds=0.2, fps=10) for e in FORMATS]
    means = np.array([np.mean(clip.frames[0], axis=(0, 1)) for clip in clips])
    assert np.ptp(means, axis=0).max() < 7


@pytest.mark.parametrize("ext", FORMATS)
def test_a_picture_is_moved_over(studio: Studio, ext: str, picture: Path) -> None:
    clip = studio.clip(
        "zoom in", ext=ext, width=80, height=50, seconds=0.5, inputs={"init_image": picture}
    )
    with Image.open(picture) as source:
        whole = np.asarray(source.resize((80, 50)), np.float64)
    first, last = (np.asarray(clip.frames[n], np.float64) for n in (0, -1))
    assert np.abs(first - whole).mean() < (16 if ext == "gif" else 12)
    assert np.abs(last - whole).mean() > 1.2 * np.abs(first - whole).mean()


def test_a_still_picture_keeps_every_frame_of_a_gif(studio: Studio, tmp_path: Path) -> None:
    grey = tmp_path / "grey.png"
    Image.new("RGB", (64, 64), (90, 90, 90)).save(grey)
    for ext, frames in (("gif", 10), ("mp4", 12), ("webm", 12)):
        clip = studio.clip(
            "zoom in", ext=ext, width=32, height=32, seconds=0.5, inputs={"init_image": grey}
        )
        assert (len(clip.frames), clip.seconds) == (frames, Fraction(1, 2))
    # libwebp stores equal frames once; the length is in the delays.
    path = studio.run("x", ext="webp", width=32, height=32, inputs={"init_image": grey})
    assert path.stat().st_size > 0


@pytest.mark.parametrize(
    ("wish", "given"),
    [("mov", "mp4"), ("AVI", "mp4"), ("mkv", "webm"), ("apng", "webp"), ("PNG", "webp")],
)
def test_another_format_becomes_the_nearest(studio: Studio, wish: str, given: str) -> None:
    clip = studio.clip(ext=wish, width=32, height=32, seconds=0.2)
    assert clip.codec == CODECS[given]
    assert any(f"the result is {given}" in line for line in studio.logs)


def test_the_models_own_size_is_used_where_the_task_has_none(studio: Studio) -> None:
    defaults = CliDefaults(width=48, height=32)
    assert studio.clip(seconds=0.2, defaults=defaults).size == (48, 32)
    assert studio.clip(seconds=0.2, width=64, height=16, defaults=defaults).size == (64, 16)


def test_progress_is_told_frame_by_frame_and_ends_at_one(studio: Studio) -> None:
    studio.run(width=32, height=32, seconds=0.5)
    assert [round(fraction * 12) for fraction, _ in studio.progress] == list(range(1, 13))
    assert studio.progress[-1] == (1.0, "frame 12 of 12")


@pytest.mark.parametrize("ext", FORMATS)
def test_a_cancelled_job_stops_before_the_next_frame(studio: Studio, ext: str) -> None:
    studio.is_cancelled = lambda: len(studio.progress) >= 3
    with pytest.raises(JobCancelled):
        studio.run(ext=ext, width=32, height=32, seconds=10)
    assert len(studio.progress) == 3


@pytest.mark.parametrize(
    ("task", "message"),
    [
        ({"width": 15}, "width 15 px is less than the 16"),
        ({"height": 2049}, "height 2049 px is more than the 2048.*STUDIO_WORKER_MAX_SIDE"),
        ({"seconds": 60.5}, "60.5 s is more than the 60.*STUDIO_WORKER_MAX_SECONDS"),
        ({"fps": 61.0}, "61 fps is more than the 60.*STUDIO_WORKER_MAX_FPS"),
        (
            {"width": 2048, "height": 2048, "seconds": 60.0},
            "6040 megapixels.*more than the 4000.*STUDIO_WORKER_MAX_VIDEO_MEGAPIXELS",
        ),
    ],
)
def test_more_than_is_allowed_is_refused_with_the_way_out(
    studio: Studio, task: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidTask, match=message):
        studio.run(**task)


def test_an_operator_can_raise_a_limit(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDIO_WORKER_MAX_SECONDS", "0")
    assert studio.clip(width=16, height=16, seconds=61, fps=1, ext="webm").seconds == 61
    monkeypatch.setenv("STUDIO_WORKER_MAX_SECONDS", "an hour")
    with pytest.raises(InvalidTask, match="STUDIO_WORKER_MAX_SECONDS='an hour' is no whole number"):
        studio.run(width=16, height=16)


@pytest.mark.parametrize("content", [b"", b"not a picture", b"\x89PNG\r\n\x1a\n" + b"\0" * 40])
def test_a_broken_picture_is_the_tasks_fault(
    studio: Studio, tmp_path: Path, content: bytes
) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(content)
    with pytest.raises(InvalidTask, match="the picture of initImageUrl cannot be decoded"):
        studio.run(inputs={"init_image": broken})


def test_half_a_picture_is_the_tasks_fault(studio: Studio, picture: Path) -> None:
    picture.write_bytes(picture.read_bytes()[:2000])
    with pytest.raises(InvalidTask, match="the picture of initImageUrl cannot be decoded"):
        studio.run(inputs={"init_image": picture})
