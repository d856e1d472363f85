"""A Flux-shaped model of 6 MB for stable-diffusion.cpp, with random weights.

The library reads most sizes of a Flux network from its tensors, so it can be tiny: one double
and one single block, a tiny auto-encoder with both halves, a LoRA. Its CLIP-L must have full
size; it is all zeros in a sparse file that takes no room on disk.
"""

from __future__ import annotations

import json
import math
import struct
from pathlib import Path
from typing import Any

__all__ = ["make_tiny_flux", "make_tiny_lora"]

_HIDDEN = 128


class _Tensors:
    """Tensors by name, drawn from one seed."""

    def __init__(self, seed: int) -> None:
        import numpy as np

        self._numpy: Any = np
        self._rng = np.random.default_rng(seed)
        self.named: dict[str, Any] = {}

    def linear(self, name: str, out: int, into: int, *kernel: int, bias: bool = True) -> None:
        scale = 1 / math.sqrt(into * math.prod(kernel))
        drawn = self._rng.standard_normal((out, into, *kernel)) * scale
        self.named[f"{name}.weight"] = drawn.astype(self._numpy.float16)
        if bias:
            self.named[f"{name}.bias"] = self._numpy.zeros(out, self._numpy.float32)

    def ones(self, name: str, size: int) -> None:
        self.named[name] = self._numpy.ones(size, self._numpy.float32)

    def save(self, path: Path) -> None:
        from safetensors.numpy import save_file

        save_file(self.named, str(path))


def make_tiny_flux(directory: Path, seed: int = 0) -> dict[str, list[Path]]:
    """Write the model; its files by role."""
    directory.mkdir(parents=True, exist_ok=True)
    network, clip, vae = (directory / f"{name}.safetensors" for name in ("dit", "clip_l", "ae"))
    _network(seed).save(network)
    _auto_encoder(seed + 1).save(vae)
    _write_zero_clip(clip)
    return {"diffusion-model": [network], "text-encoder": [clip], "vae": [vae]}


def make_tiny_lora(path: Path, seed: int = 7) -> Path:
    """Write a LoRA of rank 4 for the tiny model."""
    tensors = _Tensors(seed)
    for layer, out in (("img_attn_qkv", 3 * _HIDDEN), ("img_mlp_0", 4 * _HIDDEN)):
        name = f"lora_unet_double_blocks_0_{layer}"
        tensors.linear(f"{name}.lora_down", 4, _HIDDEN, bias=False)
        tensors.linear(f"{name}.lora_up", out, 4, bias=False)
        tensors.ones(f"{name}.alpha", 1)
    tensors.save(path)
    return path


def _network(seed: int) -> _Tensors:
    size, tensors = _HIDDEN, _Tensors(seed)
    for name, into in (("img_in", 64), ("txt_in", 4096)):
        tensors.linear(name, size, into)
    for name, into in (("time_in", 256), ("vector_in", 768)):
        tensors.linear(f"{name}.in_layer", size, into)
        tensors.linear(f"{name}.out_layer", size, size)
    for stream in ("img", "txt"):
        block = f"double_blocks.0.{stream}"
        tensors.linear(f"{block}_mod.lin", 6 * size, size)
        tensors.linear(f"{block}_attn.qkv", 3 * size, size)
        tensors.linear(f"{block}_attn.proj", size, size)
        tensors.ones(f"{block}_attn.norm.query_norm.scale", 128)
        tensors.ones(f"{block}_attn.norm.key_norm.scale", 128)
        tensors.linear(f"{block}_mlp.0", 4 * size, size)
        tensors.linear(f"{block}_mlp.2", size, 4 * size)
    tensors.linear("single_blocks.0.linear1", 7 * size, size)
    tensors.linear("single_blocks.0.linear2", size, 5 * size)
    tensors.linear("single_blocks.0.modulation.lin", 3 * size, size)
    tensors.ones("single_blocks.0.norm.query_norm.scale", 128)
    tensors.ones("single_blocks.0.norm.key_norm.scale", 128)
    tensors.linear("final_layer.linear", 64, size)
    tensors.linear("final_layer.adaLN_modulation.1", 2 * size, size)
    return tensors


def _auto_encoder(seed: int) -> _Tensors:
    """Shaped like TAEF1: convolutions and blocks, 16 latent channels, a factor of 8."""
    tensors = _Tensors(seed)

    def block(half: str, index: int) -> None:
        for layer in (0, 2, 4):
            tensors.linear(f"{half}.layers.{index}.conv.{layer}", 64, 64, 3, 3)

    tensors.linear("encoder.layers.0", 64, 3, 3, 3)
    block("encoder", 1)
    for stage in range(3):
        first = 2 + 4 * stage
        tensors.linear(f"encoder.layers.{first}", 64, 64, 3, 3, bias=False)
        for index in range(first + 1, first + 4):
            block("encoder", index)
    tensors.linear("encoder.layers.14", 16, 64, 3, 3)
    tensors.linear("decoder.layers.0", 64, 16, 3, 3)
    for stage in range(3):
        first = 2 + 5 * stage
        for index in range(first, first + 3):
            block("decoder", index)
        tensors.linear(f"decoder.layers.{first + 4}", 64, 64, 3, 3, bias=False)
    block("decoder", 17)
    tensors.linear("decoder.layers.18", 3, 64, 3, 3)
    return tensors


def _write_zero_clip(path: Path) -> None:
    shapes: dict[str, tuple[int, ...]] = {
        "text_model.embeddings.token_embedding.weight": (49408, 768),
        "text_model.embeddings.position_embedding.weight": (77, 768),
        "text_model.final_layer_norm.weight": (768,),
        "text_model.final_layer_norm.bias": (768,),
    }
    layers = {f"self_attn.{name}_proj": (768, 768) for name in ("q", "k", "v", "out")}
    layers |= {"mlp.fc1": (3072, 768), "mlp.fc2": (768, 3072)}
    for number in range(12):
        start = f"text_model.encoder.layers.{number}"
        for name, (out, into) in layers.items():
            shapes[f"{start}.{name}.weight"] = (out, into)
            shapes[f"{start}.{name}.bias"] = (out,)
        for name in ("layer_norm1", "layer_norm2"):
            shapes[f"{start}.{name}.weight"] = shapes[f"{start}.{name}.bias"] = (768,)
    header, offset = {}, 0
    for name, shape in shapes.items():
        end = offset + 2 * math.prod(shape)
        header[name] = {"dtype": "F16", "shape": list(shape), "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.truncate(8 + len(text) + offset)
