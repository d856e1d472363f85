"""What ``sd-cpp`` and ``diffusers`` both hold to, with real models in real lanes."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from msgspec.structs import replace
from PIL import Image, ImageChops

from plugins.image.tests.models.model_bench import ModelBench, reports_of
from studio_worker_core.errors import EngineFailed, InvalidTask, JobCancelled
from studio_worker_core.plugin import CliDefaults, ImageTask, Model

pytestmark = [pytest.mark.models, pytest.mark.timeout(600)]

_MODELS = {
    "sd-cpp": ("sd-cpp", "tiny_flux"),
    "diffusers directory": ("diffusers", "tiny_directory"),
    "diffusers single file": ("diffusers", "tiny_single"),
}


@pytest.fixture(scope="session", params=_MODELS)
def case(request: pytest.FixtureRequest) -> tuple[str, Model]:
    engine, model = _MODELS[request.param]
    return engine, request.getfixturevalue(model)


@pytest.fixture(scope="session", params=["sd-cpp", "diffusers directory"])
def one_of_each(request: pytest.FixtureRequest) -> tuple[str, Model]:
    engine, model = _MODELS[request.param]
    return engine, request.getfixturevalue(model)


@pytest.fixture
def red(tmp_path: Path) -> Path:
    path = tmp_path / "red.png"
    Image.new("RGB", (64, 64), (200, 30, 30)).save(path)
    return path


@pytest.fixture
def left_half(tmp_path: Path) -> Path:
    path = tmp_path / "mask.png"
    mask = Image.new("L", (64, 64), 0)
    mask.paste(255, (0, 0, 32, 64))
    mask.save(path)
    return path


def test_a_picture_has_exactly_the_asked_size_and_format(
    bench: ModelBench, case: tuple[str, Model]
) -> None:
    engine, model = case
    for width, height, ext, answered in (
        (64, 64, "webp", "webp"),
        (50, 33, "png", "png"),
        (100, 72, "jpg", "jpg"),
        (64, 80, "gif", "png"),
    ):
        picture = bench.draw(engine, model, width=width, height=height, ext=ext)
        assert picture.image.size == (width, height)
        assert picture.ext == answered


def test_the_same_seed_makes_the_same_bytes(
    bench: ModelBench, one_of_each: tuple[str, Model]
) -> None:
    engine, model = one_of_each
    first, again = (bench.draw(engine, model, seed=5) for _ in range(2))
    assert first.data == again.data


def test_every_seed_of_64_bits_makes_another_picture(
    bench: ModelBench, one_of_each: tuple[str, Model]
) -> None:
    engine, model = one_of_each
    seeds = (0, 1, 2**32 - 1, 2**32, 2**32 + 1, 2**63, 2**63 + 1, 2**64 - 1)
    assert len({bench.draw(engine, model, seed=seed).data for seed in seeds}) == len(seeds)


def test_a_negative_seed_draws_another_each_time(
    bench: ModelBench, one_of_each: tuple[str, Model]
) -> None:
    engine, model = one_of_each
    first, second = (bench.draw(engine, model, seed=-3) for _ in range(2))
    assert first.data != second.data


def test_a_drawn_seed_is_told_and_makes_the_picture_again(
    bench: ModelBench, one_of_each: tuple[str, Model]
) -> None:
    engine, model = one_of_each
    drawn = bench.draw(engine, model, seed=None)
    (line,) = [line for line in bench.logs if "is drawn" in line]
    seed = int(line.split("seed ")[1].split(" ")[0])
    assert bench.draw(engine, model, seed=seed).data == drawn.data


def test_a_second_job_does_not_load_the_model_again(
    cold_bench: ModelBench, one_of_each: tuple[str, Model], caplog: pytest.LogCaptureFixture
) -> None:
    engine, model = one_of_each
    with caplog.at_level(logging.INFO, "studio_worker.lanes.lane"):
        first = cold_bench.draw(engine, model)
        pid = cold_bench.pid_of(engine)
        second = cold_bench.draw(engine, model, seed=2)
    assert cold_bench.pid_of(engine) == pid
    assert sum("loaded" in record.getMessage() for record in caplog.records) == 1
    assert second.seconds < first.seconds


def test_progress_counts_every_step(
    one_of_each: tuple[str, Model], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, model = one_of_each
    monkeypatch.setenv("STUDIO_WORKER_SDCPP_THREADS", "1")
    task = ImageTask(prompt="a cat", width=64, height=64, steps=5, seed=1)
    for report in reports_of(engine, model, [task, replace(task, seed=2)], tmp_path):
        assert report["progress"] == pytest.approx([0.95 * step / 5 for step in range(1, 6)])


def test_progress_through_a_lane_never_goes_back(
    bench: ModelBench, one_of_each: tuple[str, Model]
) -> None:
    engine, model = one_of_each
    bench.draw(engine, model, width=256, height=256, steps=6)
    fractions = [fraction for fraction, _ in bench.progress]
    assert fractions
    assert fractions == sorted(fractions)


def test_a_cancelled_job_ends_long_before_its_last_step_and_the_next_one_is_done(
    cold_bench: ModelBench, one_of_each: tuple[str, Model]
) -> None:
    engine, model = one_of_each
    heard: list[float] = []

    def cancel(fraction: float) -> None:
        heard.append(fraction)
        cold_bench.cancel.set()

    with pytest.raises(JobCancelled):
        cold_bench.draw(engine, model, width=512, height=512, steps=150, on_progress=cancel)
    assert heard[-1] < 0.5
    cold_bench.cancel.clear()
    assert cold_bench.draw(engine, model).image.size == (64, 64)


def test_a_corrupt_model_file_is_a_clear_failure_and_the_next_job_is_done(
    cold_bench: ModelBench, one_of_each: tuple[str, Model], tmp_path: Path
) -> None:
    engine, model = one_of_each
    whole = model.file("diffusion-model") or model.files["unet"][-1]
    for name, data in (
        ("cut short", whole.read_bytes()[: whole.stat().st_size // 2]),
        ("noise", bytes(range(256)) * 4000),
        ("empty", b""),
    ):
        broken_file = tmp_path / name / whole.name
        broken_file.parent.mkdir()
        broken_file.write_bytes(data)
        files = {
            role: [broken_file if path == whole else path for path in paths]
            for role, paths in model.files.items()
        }
        with pytest.raises(EngineFailed, match="cannot load 'broken'") as failure:
            cold_bench.draw(engine, Model("broken", files))
        assert "SIGSEGV" not in str(failure.value)
    assert cold_bench.draw(engine, model).image.size == (64, 64)


def test_an_unknown_sampler_is_refused_with_those_known(
    bench: ModelBench, one_of_each: tuple[str, Model]
) -> None:
    engine, model = one_of_each
    with pytest.raises(InvalidTask, match=r"'warp9' is not known here; known are: .*euler"):
        bench.draw(engine, model, sampling_method="warp9")
    pid = bench.pid_of(engine)
    bench.draw(engine, model, sampling_method="Euler")
    assert bench.pid_of(engine) == pid


def test_the_defaults_of_the_model_source_draw_the_same_as_a_task_that_says_so(
    bench: ModelBench, one_of_each: tuple[str, Model]
) -> None:
    engine, model = one_of_each
    defaults = CliDefaults(
        width=96, height=64, steps=3, cfg_scale=2.0, sampling_method="heun", offload_to_cpu=True
    )
    by_source = bench.draw(
        engine, replace(model, defaults=defaults), width=512, height=512, steps=20
    )
    by_task = bench.draw(
        engine, model, width=96, height=64, steps=3, cfg_scale=2.0, sampling_method="heun"
    )
    assert by_source.image.size == (96, 64)
    assert by_source.data == by_task.data


def test_more_than_is_allowed_is_refused_before_anything_is_drawn(
    bench: ModelBench, one_of_each: tuple[str, Model]
) -> None:
    engine, model = one_of_each
    with pytest.raises(InvalidTask, match="STUDIO_WORKER_MAX_SIDE"):
        bench.draw(engine, model, width=4096)
    with pytest.raises(InvalidTask, match="STUDIO_WORKER_MAX_STEPS"):
        bench.draw(engine, model, steps=151)


def test_an_init_image_shapes_the_picture(
    bench: ModelBench, one_of_each: tuple[str, Model], red: Path
) -> None:
    engine, model = one_of_each
    plain = bench.draw(engine, model, steps=4)
    inputs = {"init_image": red}
    over_red = bench.draw(engine, model, inputs=inputs, steps=4, denoise=0.5)
    assert over_red.image.size == (64, 64)
    assert over_red.data != plain.data
    again = bench.draw(engine, model, inputs=inputs, steps=4, denoise=0.5)
    assert again.data == over_red.data
    more = bench.draw(engine, model, inputs=inputs, steps=4, denoise=0.25)
    assert more.data != over_red.data


def test_denoise_0_keeps_the_init_image(
    bench: ModelBench, one_of_each: tuple[str, Model], red: Path
) -> None:
    engine, model = one_of_each
    kept = bench.draw(engine, model, inputs={"init_image": red}, denoise=0.0)
    assert kept.image.getcolors() == [(64 * 64, (200, 30, 30))]


def test_inpainting_changes_only_what_the_mask_shows(
    bench: ModelBench, one_of_each: tuple[str, Model], red: Path, left_half: Path
) -> None:
    engine, model = one_of_each
    inputs = {"init_image": red, "mask": left_half}
    for width, height in ((64, 64), (48, 40)):
        painted = bench.draw(
            engine, model, inputs=inputs, width=width, height=height, steps=4, denoise=1.0
        ).image
        untouched = Image.new("RGB", (width, height), (200, 30, 30))
        changed = ImageChops.difference(painted, untouched).getbbox()
        assert changed is not None
        left, _, right, _ = changed
        assert left == 0
        assert right <= width // 2 + 1  # the mask's edge is resampled with the mask


def test_a_mask_without_an_init_image_is_refused(
    bench: ModelBench, one_of_each: tuple[str, Model], left_half: Path
) -> None:
    engine, model = one_of_each
    with pytest.raises(InvalidTask, match="maskUrl needs initImageUrl"):
        bench.draw(engine, model, inputs={"mask": left_half})
