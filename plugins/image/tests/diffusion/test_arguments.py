"""A job's settings as the arguments of a pipeline."""

from __future__ import annotations

from msgspec.structs import replace
from PIL import Image

from studio_worker_image.diffusion.arguments import arguments_for
from studio_worker_image.painting.canvas import Inputs, canvas_for
from studio_worker_image.painting.settings import Settings

_SETTINGS = Settings("a cat", "blurry", 50, 40, 8, 1, 0.5, cfg_scale=3.0)
_CANVAS = canvas_for(50, 40, 16)
_NOISE = object()
_ALL = (
    "prompt",
    "negative_prompt",
    "width",
    "height",
    "num_inference_steps",
    "generator",
    "guidance_scale",
    "image",
    "mask_image",
    "strength",
)


def test_a_picture_from_text_is_drawn_at_the_size_of_the_canvas() -> None:
    assert arguments_for(_SETTINGS, _CANVAS, Inputs(), _ALL, _NOISE) == {
        "prompt": "a cat",
        "negative_prompt": "blurry",
        "width": 64,
        "height": 48,
        "num_inference_steps": 8,
        "generator": _NOISE,
        "guidance_scale": 3.0,
    }


def test_what_the_pipeline_has_no_place_for_is_left_out() -> None:
    found = arguments_for(_SETTINGS, _CANVAS, Inputs(), ("prompt", "generator"), _NOISE)
    assert found == {"prompt": "a cat", "generator": _NOISE}


def test_guidance_is_the_true_one_where_a_pipeline_has_two() -> None:
    found = arguments_for(_SETTINGS, _CANVAS, Inputs(), (*_ALL, "true_cfg_scale"), _NOISE)
    assert found["true_cfg_scale"] == 3.0
    assert "guidance_scale" not in found


def test_without_a_guidance_the_pipelines_own_stays() -> None:
    settings = replace(_SETTINGS, cfg_scale=None)
    assert "guidance_scale" not in arguments_for(settings, _CANVAS, Inputs(), _ALL, _NOISE)


def test_pictures_that_go_in_lie_on_the_canvas() -> None:
    inputs = Inputs(init=Image.new("RGB", (50, 40)), mask=Image.new("L", (50, 40)))
    found = arguments_for(_SETTINGS, _CANVAS, inputs, _ALL, _NOISE)
    assert found["image"].size == found["mask_image"].size == (64, 48)
    assert found["strength"] == 0.5


def test_a_reference_keeps_its_size() -> None:
    inputs = Inputs(reference=Image.new("RGB", (300, 20)))
    found = arguments_for(_SETTINGS, _CANVAS, inputs, _ALL, _NOISE)
    assert found["image"].size == (300, 20)
    assert "strength" not in found


def test_the_least_denoise_still_makes_one_step() -> None:
    inputs = Inputs(init=Image.new("RGB", (50, 40)))
    for steps in range(1, 60):
        settings = replace(_SETTINGS, denoise=0.001, steps=steps)
        strength = arguments_for(settings, _CANVAS, inputs, _ALL, _NOISE)["strength"]
        assert strength <= 1.0
        assert int(steps * strength) == 1
