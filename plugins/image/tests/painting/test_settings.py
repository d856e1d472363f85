"""The rule of defaults, bounds and seeds."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studio_worker_core.plugin import CliDefaults, ImageTask, InvalidTask
from studio_worker_image.painting.bounds import Bounds
from studio_worker_image.painting.settings import DEFAULT_DENOISE, Settings, settings_of

_DEFAULTS = CliDefaults(
    width=1024, height=768, steps=8, cfg_scale=1.5, sampling_method="euler", flow_shift=3.0
)


def _settings(task: ImageTask, defaults: CliDefaults = _DEFAULTS) -> Settings:
    return settings_of(task, defaults, Bounds())


def test_the_models_defaults_win_where_the_task_says_nothing() -> None:
    settings = _settings(ImageTask(prompt="x"))
    assert (settings.width, settings.height, settings.steps) == (1024, 768, 8)
    assert settings.cfg_scale == 1.5
    assert settings.sampling_method == "euler"


def test_explicit_values_of_the_task_win() -> None:
    task = ImageTask(
        prompt="x", width=640, height=512, steps=30, cfg_scale=0.0, sampling_method="heun"
    )
    settings = _settings(task)
    assert (settings.width, settings.height, settings.steps) == (640, 512, 30)
    assert settings.cfg_scale == 0.0
    assert settings.sampling_method == "heun"


@pytest.mark.parametrize(("width", "height"), [(512, 768), (768, 512)])
def test_a_task_that_names_one_side_keeps_its_shape(width: int, height: int) -> None:
    settings = _settings(ImageTask(prompt="x", width=width, height=height))
    assert (settings.width, settings.height) == (width, height)


def test_without_any_defaults_the_protocols_own_hold() -> None:
    settings = _settings(ImageTask(prompt="x"), CliDefaults())
    assert (settings.width, settings.height, settings.steps) == (512, 512, 20)
    assert settings.cfg_scale is None
    assert settings.sampling_method is None
    assert settings.denoise == DEFAULT_DENOISE
    assert settings.negative_prompt == ""


@settings(deadline=None)
@given(st.none() | st.integers(-(2**63), 2**63 - 1))
def test_every_seed_becomes_one_that_engines_take(seed: int | None) -> None:
    settings = _settings(ImageTask(prompt="x", seed=seed))
    assert 0 <= settings.seed <= 2**64 - 1
    if seed is None or seed < 0:
        assert _settings(ImageTask(prompt="x", seed=seed)).seed != settings.seed
    else:
        assert settings.seed == seed


def test_denoise_0_is_a_value() -> None:
    assert _settings(ImageTask(prompt="x", denoise=0.0)).denoise == 0.0


@pytest.mark.parametrize(
    ("task", "said"),
    [
        (ImageTask(prompt="x", width=2049), r"width 2049 px is more than the 2048 .*MAX_SIDE"),
        (ImageTask(prompt="x", height=9000), r"height 9000 px .*STUDIO_WORKER_MAX_SIDE"),
        (ImageTask(prompt="x", steps=151), r"151 steps is more than the 150 .*MAX_STEPS"),
        (ImageTask(prompt="x" * 20_001), r"20001 characters .*STUDIO_WORKER_MAX_PROMPT"),
        (ImageTask(prompt="", negative_prompt="x" * 20_001), r"STUDIO_WORKER_MAX_PROMPT"),
    ],
)
def test_what_is_over_a_bound_is_refused_with_the_way_to_raise_it(
    task: ImageTask, said: str
) -> None:
    with pytest.raises(InvalidTask, match=said):
        _settings(task)


def test_the_models_defaults_are_bounded_too() -> None:
    with pytest.raises(InvalidTask, match="4096"):
        _settings(ImageTask(prompt="x"), CliDefaults(width=4096, height=64))


def test_a_guidance_of_the_source_that_is_no_guidance_is_refused() -> None:
    for value in (-1.0, 1e9, float("nan")):
        with pytest.raises(InvalidTask, match="cfgScale"):
            _settings(ImageTask(prompt="x"), CliDefaults(cfg_scale=value))


def test_bounds_come_from_the_environment() -> None:
    found = Bounds.from_environment(
        {"STUDIO_WORKER_MAX_SIDE": "4096", "STUDIO_WORKER_MAX_STEPS": " 0 "}
    )
    assert found == Bounds(max_side=4096, max_steps=0)
    found.check(width=4096, height=1, steps=10_000, prompts=())


@pytest.mark.parametrize("text", ["many", "-1", "1.5", "٣"])
def test_a_bound_that_is_no_number_is_named(text: str) -> None:
    with pytest.raises(InvalidTask, match="STUDIO_WORKER_MAX_STEPS="):
        Bounds.from_environment({"STUDIO_WORKER_MAX_STEPS": text})
