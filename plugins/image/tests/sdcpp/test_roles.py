"""Which file of a model goes where."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from studio_worker_core.plugin import InvalidTask, Model
from studio_worker_image.painting.headers import Shapes
from studio_worker_image.sdcpp.roles import ModelFiles, files_of

_POSITION = "text_model.embeddings.position_embedding.weight"


def _files(
    roles: Mapping[str, list[str]], tensors: Mapping[str, Shapes] | None = None
) -> ModelFiles:
    model = Model("m", {role: [Path(name) for name in names] for role, names in roles.items()})
    return files_of(model, read=lambda path: (tensors or {}).get(path.name))


def _names(found: ModelFiles) -> dict[str, str]:
    return {place: path.name for place, path in found.parts.items()}


def test_a_checkpoint_is_the_whole_model() -> None:
    assert _names(_files({"model": ["sd15.safetensors"]})) == {"model": "sd15.safetensors"}


def test_file_names_tell_text_encoders_apart_where_headers_say_nothing() -> None:
    found = _files(
        {
            "diffusion-model": ["flux.gguf"],
            "text-encoder": ["clip_l.safetensors", "t5xxl_fp16.safetensors", "clip-g.safetensors"],
            "vae": ["ae.safetensors"],
        }
    )
    assert _names(found) == {
        "diffusion_model": "flux.gguf",
        "clip_l": "clip_l.safetensors",
        "t5xxl": "t5xxl_fp16.safetensors",
        "clip_g": "clip-g.safetensors",
        "vae": "ae.safetensors",
    }
    assert found.can_encode


@pytest.mark.parametrize(
    ("tensors", "place"),
    [
        ({_POSITION: (77, 768)}, "clip_l"),
        ({_POSITION: (77, 1280)}, "clip_g"),
        ({"encoder.block.0.layer.0.SelfAttention.q.weight": (4096, 4096)}, "t5xxl"),
        ({"enc.blk.0.attn_q.weight": (4096, 4096)}, "t5xxl"),
        ({"model.layers.0.self_attn.q_proj.weight": (2048, 2560)}, "llm"),
        ({"blk.0.attn_q.weight": (2048, 2560)}, "llm"),
    ],
)
def test_tensors_win_over_file_names(tensors: Shapes, place: str) -> None:
    name = "t5_clip_l.safetensors" if place == "llm" else "qwen.safetensors"
    found = _files({"model": ["m.gguf"], "text-encoder": [name]}, {name: tensors})
    assert found.parts[place].name == name


def test_an_encoder_that_cannot_be_told_is_refused_with_the_remedy() -> None:
    with pytest.raises(InvalidTask, match="put clip_l, clip_g, t5xxl or llm into its file name"):
        _files({"diffusion-model": ["d.gguf"], "text-encoder": ["encoder.safetensors"]})


def test_vision_towers_go_to_the_language_model_or_to_clip() -> None:
    roles = {"diffusion-model": ["q.gguf"], "text-encoder-vision": ["qwen-mmproj.gguf"]}
    assert "llm_vision" in _files(roles).parts
    roles["text-encoder-vision"] = ["clip_vision_h.safetensors"]
    assert "clip_vision" in _files(roles).parts
    tower = {"vision_model.encoder.layers.0.mlp.fc1.weight": (1, 1)}
    roles["text-encoder-vision"] = ["qwen.safetensors"]
    assert "clip_vision" in _files(roles, {"qwen.safetensors": tower}).parts


def test_a_tiny_auto_encoder_is_known_by_its_tensors_or_its_name() -> None:
    roles = {"diffusion-model": ["d.gguf"], "vae": ["taef1.safetensors"]}
    assert "taesd" in _files(roles).parts
    tensors = {"decoder.layers.0.weight": (64, 16, 3, 3)}
    roles["vae"] = ["ae.safetensors"]
    found = _files(roles, {"ae.safetensors": tensors})
    assert "taesd" in found.parts
    assert not found.can_encode


def test_both_a_vae_and_a_tiny_one_can_be_given() -> None:
    found = _files({"model": ["m.gguf"], "vae": ["vae.safetensors", "taesd.safetensors"]})
    assert {"vae", "taesd"} <= set(found.parts)


@pytest.mark.parametrize(
    ("roles", "said"),
    [
        ({}, "names no file of role 'model' or 'diffusion-model'"),
        ({"vae": ["v.safetensors"], "lora": ["l.safetensors"]}, "names no file"),
        ({"model": ["a.gguf", "b.gguf"]}, "a.gguf and b.gguf are both a model"),
        ({"model": ["a.gguf"], "poem": ["b.txt"]}, "no use for files of role 'poem'"),
        ({"model": ["a.gguf"], "text-encoder": ["clip_l.gguf", "clip-l.gguf"]}, "both a clip_l"),
    ],
)
def test_files_that_make_no_model_are_refused(roles: Mapping[str, list[str]], said: str) -> None:
    with pytest.raises(InvalidTask, match=said):
        _files(roles)
