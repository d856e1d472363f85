"""A tiny projector of random weights: the eyes of a tiny model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from plugins.llm.tests.tiny_gguf import MODEL_WIDTH, write_gguf

__all__ = ["write_projector"]

_WIDTH, _PATCH, _SIDE, _LAYERS, _INNER = 32, 14, 28, 2, 64


def write_projector(path: Path, width: int = MODEL_WIDTH) -> Path:
    """Write a projector of the LLaVA kind, which makes four tokens of a picture.

    :param width: of the model it is for.
    """
    dice = np.random.default_rng(0)

    def noise(*shape: int) -> NDArray[np.float32]:
        return (dice.standard_normal(shape) * 0.1).astype(np.float32)

    tensors = {
        "v.patch_embd.weight": noise(_WIDTH, 3, _PATCH, _PATCH),
        "v.position_embd.weight": noise((_SIDE // _PATCH) ** 2, _WIDTH),
    }
    for layer in range(_LAYERS):
        for name, shape in (
            *((f"attn_{part}", (_WIDTH, _WIDTH)) for part in ("q", "k", "v", "out")),
            ("ffn_up", (_INNER, _WIDTH)),
            ("ffn_down", (_WIDTH, _INNER)),
            ("ln1", (_WIDTH,)),
            ("ln2", (_WIDTH,)),
        ):
            tensors[f"v.blk.{layer}.{name}.weight"] = noise(*shape)
            tensors[f"v.blk.{layer}.{name}.bias"] = noise(shape[0])
    for place, inner in ((0, _WIDTH), (2, width)):
        tensors[f"mm.{place}.weight"] = noise(width, inner)
        tensors[f"mm.{place}.bias"] = noise(width)
    facts = {
        "general.architecture": "clip",
        "general.file_type": 0,
        "clip.has_vision_encoder": True,
        "clip.projector_type": "mlp",
        "clip.use_gelu": True,
        "clip.vision.image_size": _SIDE,
        "clip.vision.patch_size": _PATCH,
        "clip.vision.embedding_length": _WIDTH,
        "clip.vision.feed_forward_length": _INNER,
        "clip.vision.projection_dim": width,
        "clip.vision.attention.head_count": 2,
        "clip.vision.block_count": _LAYERS,
        "clip.vision.attention.layer_norm_epsilon": 1e-5,
        "clip.vision.image_mean": [0.5, 0.5, 0.5],
        "clip.vision.image_std": [0.5, 0.5, 0.5],
    }
    return write_gguf(path, facts, tensors)
