"""The example engine: the conformance kit, and what is special about its pictures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image, ImageStat

from studio_worker_core.plugin import ImageTask, Model
from studio_worker_core.testing.jobs import make_job
from studio_worker_core.testing.pytest_plugin import ConformanceCheck
from studio_worker_example.engine import HillsEngine, hour_in


@pytest.mark.studio_worker_engine("hills")
def test_the_engine_keeps_the_contract(conformance_check: ConformanceCheck) -> None:
    conformance_check.verify()


@pytest.fixture
def draw(tmp_path: Path) -> Callable[..., Image.Image]:
    """Draw a picture with the engine itself, without a worker."""

    def draw(prompt: str, *, model: str = "hills") -> Image.Image:
        engine = HillsEngine()
        engine.load(Model(model))
        task = ImageTask(prompt=prompt, width=96, height=64, seed=3, ext="png")
        with Image.open(engine.generate(make_job(task, tmp_path, model=model))) as picture:
            return picture.convert("RGB")

    return draw


def brightness(picture: Image.Image) -> float:
    return ImageStat.Stat(picture.convert("L")).mean[0]


def test_noon_is_brighter_than_night(draw: Callable[..., Image.Image]) -> None:
    assert brightness(draw("hills at noon")) > 2 * brightness(draw("hills at night"))


def test_the_night_model_is_dark_whatever_the_prompt_says(
    draw: Callable[..., Image.Image],
) -> None:
    assert brightness(draw("noon", model="hills-night")) < 80


def test_nearer_ridges_are_darker_than_the_horizon(draw: Callable[..., Image.Image]) -> None:
    picture = draw("dawn")
    assert brightness(picture.crop((0, 58, 96, 64))) < brightness(picture.crop((0, 20, 96, 28)))


@pytest.mark.parametrize(
    ("prompt", "hour"), [("Hills at DUSK", "dusk"), ("dawn or night", "dawn"), ("hills", None)]
)
def test_the_first_hour_named_counts(prompt: str, hour: str | None) -> None:
    assert hour_in(prompt) == hour
