"""The engine ``procedural`` on real files; every result is decoded."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from studio_worker_core.lanes.results import Result
from studio_worker_core.plugin import (
    CliDefaults,
    HostInfo,
    ImageTask,
    InvalidTask,
    JobCancelled,
    Model,
    Task,
    VideoTask,
)
from studio_worker_core.roster.roster import RosterEntry
from studio_worker_core.testing.jobs import make_job
from studio_worker_image.engine import ProceduralEngine
from studio_worker_image.plugin import EXTENSIONS, studio_worker_engines
from studio_worker_image.words import FAMILIES
from tests.support.lane_bench import LaneBench


class Bench:
    """Runs image jobs in this process and remembers the progress."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.progress: list[float] = []
        """Of the last job."""
        self.is_cancelled: Callable[[], bool] = lambda: False
        self._numbers = itertools.count()

    def run(
        self,
        task: Task,
        *,
        model: Model | None = None,
        inputs: Mapping[str, Path] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> Path:
        directory = self.root / f"job-{next(self._numbers)}"
        directory.mkdir()
        engine = ProceduralEngine(environment or {})
        chosen = model or Model("procedural")
        engine.load(chosen)
        job = make_job(
            task, directory, model=chosen, inputs=inputs, is_cancelled=lambda: self.is_cancelled()
        )
        self.progress = job.fractions
        return engine.generate(job)

    def saved(self, name: str, picture: Image.Image) -> Path:
        path = self.root / name
        picture.save(path)
        return path


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def pixels(path: Path) -> NDArray[np.float32]:
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"), np.float32)


def apart(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    return float(np.abs(one - other).mean())


@pytest.mark.parametrize(
    ("ext", "kind"),
    [("png", "PNG"), ("webp", "WEBP"), ("jpg", "JPEG"), ("jpeg", "JPEG"), ("avif", "AVIF")],
)
def test_each_extension_is_the_true_format_at_the_asked_size(
    bench: Bench, ext: str, kind: str
) -> None:
    path = bench.run(ImageTask(prompt="deep ocean", ext=ext, width=96, height=64))
    assert path.name == f"result.{ext}"
    assert ext in EXTENSIONS
    with Image.open(path) as picture:
        picture.load()
        assert (picture.format, picture.size) == (kind, (96, 64))


@pytest.mark.parametrize(("wish", "ext"), [("mp4", "webp"), ("GIF", "png"), ("PNG", "png")])
def test_a_wish_that_cannot_be_met_becomes_the_nearest_format(
    bench: Bench, wish: str, ext: str
) -> None:
    path = bench.run(ImageTask(prompt="x", ext=wish, width=96, height=64))
    assert path.name == f"result.{ext}"
    assert pixels(path).shape == (64, 96, 3)


@pytest.mark.parametrize("family", FAMILIES)
def test_each_family_is_a_model_with_a_picture_of_many_colours(bench: Bench, family: str) -> None:
    model = Model(f"procedural-{family}")
    shown = pixels(bench.run(ImageTask(prompt="peacock", ext="png", seed=3), model=model))
    assert shown.std() > 12
    assert len(np.unique(shown.reshape(-1, 3), axis=0)) > 30


def test_a_model_that_is_not_offered_is_refused(bench: Bench) -> None:
    for name in ("procedural-cat", "sdxl", "proceduralmarble2"):
        with pytest.raises(InvalidTask, match=name):
            bench.run(ImageTask(prompt="x"), model=Model(name))


def test_a_task_that_is_no_picture_is_refused(bench: Bench) -> None:
    with pytest.raises(InvalidTask, match="VideoTask"):
        bench.run(VideoTask(prompt="x"))


def test_the_same_seed_makes_the_same_bytes_and_another_makes_others(bench: Bench) -> None:
    for ext in ("png", "webp", "jpg", "avif"):
        first, second, other = (
            bench.run(
                ImageTask(prompt="galaxy", seed=seed, ext=ext, width=96, height=64)
            ).read_bytes()
            for seed in (2**63 + 6, 2**63 + 6, 6)
        )
        assert first == second != other


def test_every_seed_of_64_bits_is_another_picture(bench: Bench) -> None:
    pictures = {
        bench.run(
            ImageTask(prompt="marble", seed=seed, ext="png", width=96, height=64)
        ).read_bytes()
        for seed in (0, 1, 2**32 - 1, 2**32, 2**63, 2**64 - 1)
    }
    assert len(pictures) == 6


@pytest.mark.parametrize("seed", [None, -1])
def test_without_a_seed_each_picture_is_another(bench: Bench, seed: int | None) -> None:
    task = ImageTask(prompt="red fox", seed=seed, ext="png", width=96, height=64)
    assert bench.run(task).read_bytes() != bench.run(task).read_bytes()


@pytest.mark.parametrize(
    ("environment", "most"), [({}, 4096), ({"STUDIO_WORKER_MAX_SIDE": "100"}, 100)]
)
def test_a_side_over_the_limit_is_refused_with_the_limit_and_the_remedy(
    bench: Bench, environment: dict[str, str], most: int
) -> None:
    task = ImageTask(prompt="x", width=16, height=most + 1)
    with pytest.raises(InvalidTask, match=rf"height {most + 1} px .* {most} .*_MAX_SIDE"):
        bench.run(task, environment=environment)
    shown = pixels(bench.run(ImageTask(prompt="x", width=16, height=most), environment=environment))
    assert shown.shape == (most, 16, 3)


def test_a_side_under_the_limit_is_refused(bench: Bench) -> None:
    with pytest.raises(InvalidTask, match="width 15 px is less than the 16"):
        bench.run(ImageTask(prompt="x", width=15, height=64))


def test_many_steps_are_no_reason_to_refuse_and_give_finer_detail(bench: Bench) -> None:
    def roughness(steps: int) -> float:
        task = ImageTask(prompt="storm clouds", seed=1, steps=steps, ext="png")
        return float(np.abs(np.diff(pixels(bench.run(task)), axis=1)).mean())

    assert roughness(10_000) > 1.2 * roughness(1)


def test_the_defaults_of_the_model_count_where_the_task_says_nothing(bench: Bench) -> None:
    model = Model("procedural", defaults=CliDefaults(width=80, height=48))
    assert pixels(bench.run(ImageTask(prompt="x"), model=model)).shape == (48, 80, 3)
    assert pixels(bench.run(ImageTask(prompt="x", width=32), model=model)).shape == (512, 32, 3)


def test_an_init_image_is_kept_at_denoise_0_and_gone_at_1(bench: Bench) -> None:
    stripes = np.zeros((60, 200, 3), np.uint8)
    stripes[:, 50:150] = (250, 240, 20)
    start = bench.saved("start.png", Image.fromarray(stripes))

    def at(denoise: float | None) -> NDArray[np.float32]:
        task = ImageTask(prompt="ocean", seed=1, denoise=denoise, ext="png", width=96, height=64)
        return pixels(bench.run(task, inputs={"init_image": start}))

    kept = at(0.0)
    drawn = pixels(bench.run(ImageTask(prompt="ocean", seed=1, ext="png", width=96, height=64)))
    # Filled and cut at the longer side: the middle of the stripes, not all of them squeezed.
    assert apart(kept[:, 10:86], np.broadcast_to((250, 240, 20), (64, 76, 3))) < 1
    assert np.array_equal(at(1.0), drawn)
    distances = [apart(at(denoise), kept) for denoise in (0.1, 0.3, 0.6, 0.9)]
    assert distances == sorted(distances)
    assert np.array_equal(at(None), at(0.6))


def test_only_the_white_of_a_mask_changes(bench: Bench) -> None:
    start = bench.saved("start.png", Image.new("RGB", (96, 64), (200, 30, 90)))
    half = Image.new("L", (96, 64), 0)
    half.paste(255, (48, 0, 96, 64))
    task = ImageTask(prompt="ice", seed=1, ext="png", width=96, height=64)
    inputs = {"init_image": start, "mask": bench.saved("mask.png", half)}
    shown = pixels(bench.run(task, inputs=inputs))
    assert np.array_equal(shown[:, :48], pixels(start)[:, :48])
    assert apart(shown[:, 48:], pixels(start)[:, 48:]) > 20


def test_a_mask_without_an_init_image_is_refused(bench: Bench) -> None:
    mask = bench.saved("mask.png", Image.new("L", (8, 8), 255))
    with pytest.raises(InvalidTask, match="maskUrl needs initImageUrl"):
        bench.run(ImageTask(prompt="x", width=96, height=64), inputs={"mask": mask})


def test_a_reference_gives_the_palette(bench: Bench) -> None:
    green = bench.saved("green.png", Image.new("RGB", (40, 40), (20, 190, 40)))
    task = ImageTask(prompt="red lava", seed=1, ext="png", width=96, height=64)
    red, _, blue = pixels(bench.run(task)).mean((0, 1))
    assert red > 1.5 * blue
    shown = pixels(bench.run(task, inputs={"ref_image": green})).mean((0, 1))
    assert shown[1] > 1.3 * shown[0]


def test_an_input_that_is_no_picture_is_refused_by_name(bench: Bench) -> None:
    path = bench.root / "broken.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    for name, field in (("init_image", "initImageUrl"), ("ref_image", "refImageUrl")):
        with pytest.raises(InvalidTask, match=field):
            bench.run(ImageTask(prompt="x", width=96, height=64), inputs={name: path})


def test_progress_grows_band_by_band_to_1(bench: Bench) -> None:
    bench.run(ImageTask(prompt="plasma", width=1024, height=512))
    assert len(bench.progress) >= 8
    assert bench.progress == sorted(bench.progress)
    assert bench.progress[-1] == 1.0


def test_a_cancelled_job_stops_between_two_bands_and_leaves_no_file(bench: Bench) -> None:
    bench.is_cancelled = lambda: len(bench.progress) >= 3
    with pytest.raises(JobCancelled):
        bench.run(ImageTask(prompt="plasma", width=1024, height=512))
    assert len(bench.progress) == 3
    assert not list(bench.root.glob("*/result.*"))


def test_a_job_runs_in_a_real_lane(tmp_path: Path) -> None:
    host = HostInfo(api_version=1, agent_version="0", models_root=tmp_path)
    spec = next(spec for spec in studio_worker_engines(host) if spec.name == "procedural")
    entry = RosterEntry(
        engine=spec.name,
        distribution="studio-worker-image",
        version=spec.version,
        state="ready",
        kinds=spec.kinds,
        models={kind: tuple(models) for kind, models in spec.models.items()},
        extensions=EXTENSIONS,
        spec=spec,
        source=__file__,
        entry_point="image",
    )
    lanes = LaneBench(tmp_path)
    with lanes.lanes:
        task = ImageTask(prompt="sunset over mountains", width=320, height=240)
        result = lanes.run(task, model="procedural-landscape", entry=entry)
    assert isinstance(result, Result)
    assert result.ext == "webp"
    assert pixels(result.path).shape == (240, 320, 3)
    assert lanes.progress[-1][0] == 1.0
