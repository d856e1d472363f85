"""How a diffusers model is given as files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from studio_worker_core.plugin import InvalidTask, Model
from studio_worker_image.diffusion.layout import DirectoryModel, SingleFileModel, layout_of


def _layout(roles: Mapping[str, list[str]]) -> SingleFileModel | DirectoryModel:
    return layout_of(Model("m", {role: [Path(n) for n in names] for role, names in roles.items()}))


def test_a_checkpoint_with_its_configs_is_a_single_file_model() -> None:
    assert _layout(
        {"model": ["sd.safetensors"], "config": ["configs.zip"], "lora": ["l.safetensors"]}
    ) == SingleFileModel(Path("sd.safetensors"), Path("configs.zip"), (Path("l.safetensors"),))


def test_names_put_the_files_of_a_directory_back_in_place() -> None:
    found = _layout(
        {
            "model_index": ["model_index.json"],
            "unet": ["unet.config.json", "unet.diffusion_pytorch_model.safetensors"],
            "text-encoder": ["text_encoder.config.json"],
            "text_encoder_2": ["text_encoder_2.model.safetensors.index.json"],
            "tokenizer": ["tokenizer.merges.txt"],
        }
    )
    assert isinstance(found, DirectoryModel)
    assert sorted(found.files) == [
        "model_index.json",
        "text_encoder/config.json",
        "text_encoder_2/model.safetensors.index.json",
        "tokenizer/merges.txt",
        "unet/config.json",
        "unet/diffusion_pytorch_model.safetensors",
    ]


@pytest.mark.parametrize("ending", [".bin", ".ckpt", ".pt", ".pth", ".pkl", ".BIN"])
def test_pickles_are_refused_wherever_they_are(ending: str) -> None:
    for roles in (
        {"model": [f"model{ending}"]},
        {"model": ["m.safetensors"], "lora": [f"l{ending}"]},
        {"model_index": ["model_index.json"], "unet": [f"unet.weights{ending}"]},
    ):
        with pytest.raises(InvalidTask, match="is a pickle, which is code"):
            _layout(roles)


@pytest.mark.parametrize(
    ("roles", "said"),
    [
        ({}, "neither a file of role 'model'"),
        ({"unet": ["unet.config.json"]}, "nor one of role 'model_index'"),
        ({"model_index": ["model_index.json"], "unet": ["config.json"]}, "must start with 'unet.'"),
        ({"model_index": ["model_index.json"], "unet": ["unet.x.py"]}, "is refused"),
        ({"model_index": ["model_index.json"], "..": ["...json"]}, "no component's name"),
        ({"model_index": ["a.json", "b.json"]}, "are both model_index.json"),
        ({"model": ["m.gguf"]}, "must be a .safetensors file"),
        ({"model": ["m.safetensors"], "config": ["c.json"]}, "must be a .zip file"),
        ({"model": ["m.safetensors"], "vae": ["v.safetensors"]}, "not 'vae'"),
        ({"model": ["m.safetensors", "n.safetensors"]}, "must have one file"),
    ],
)
def test_files_that_follow_no_rule_are_refused(roles: Mapping[str, list[str]], said: str) -> None:
    with pytest.raises(InvalidTask, match=said):
        _layout(roles)
