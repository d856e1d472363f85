"""Where a pipeline runs and in which precision."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from studio_worker_core.plugin import InvalidTask, Place
from studio_worker_image.diffusion.devices import Device, choose_device, find_device
from studio_worker_image.diffusion.loading import pipeline_class_of


def test_a_gpu_is_taken_before_the_cpu() -> None:
    assert choose_device(cuda=True, bfloat16=True, mps=False) == Device("cuda", "bfloat16")
    assert choose_device(cuda=True, bfloat16=False, mps=True) == Device("cuda", "float16")
    assert choose_device(cuda=False, bfloat16=False, mps=True) == Device("mps", "float16")
    assert choose_device(cuda=False, bfloat16=False, mps=False) == Device("cpu", "float32")


def test_a_wish_is_followed_or_refused() -> None:
    assert choose_device(cuda=True, bfloat16=True, mps=False, wish=" CPU ").kind == "cpu"
    with pytest.raises(InvalidTask, match="'mps' is not on this machine; it has cuda, cpu"):
        choose_device(cuda=True, bfloat16=True, mps=False, wish="mps")


def test_the_operators_setting_comes_before_the_variable() -> None:
    torch = SimpleNamespace(
        cuda=SimpleNamespace(is_available=lambda: True, is_bf16_supported=lambda: False),
        backends=SimpleNamespace(mps=SimpleNamespace(is_available=lambda: False)),
    )
    asked = {"STUDIO_WORKER_DEVICE": "cpu"}
    assert find_device(torch, Place(), asked).kind == "cpu"
    assert find_device(torch, Place(device="cuda"), asked).kind == "cuda"
    assert find_device(torch, Place(), {}).kind == "cuda"


@pytest.mark.parametrize(
    ("tensor", "name"),
    [
        ("cond_stage_model.transformer.text_model.x", "StableDiffusionPipeline"),
        ("conditioner.embedders.1.model.x", "StableDiffusionXLPipeline"),
        ("model.diffusion_model.joint_blocks.0.x", "StableDiffusion3Pipeline"),
        ("double_blocks.0.img_attn.qkv.weight", "FluxPipeline"),
    ],
)
def test_a_checkpoints_family_is_told_by_its_tensors(tensor: str, name: str) -> None:
    assert pipeline_class_of({tensor: (1,)}) == name


def test_an_unknown_family_needs_its_configs() -> None:
    for shapes in (None, {}, {"weights": (1,)}):
        with pytest.raises(InvalidTask, match="role 'config'"):
            pipeline_class_of(shapes)
