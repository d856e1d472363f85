"""A Stable-Diffusion-shaped model of 4.5 MB for diffusers, with random weights.

As a program: ``tiny_diffusers.py DIRECTORY`` writes ``flat/`` (the files of a directory model
under the names a model source gives them), ``single.safetensors`` (the same weights as one
checkpoint in the original layout) and ``configs.zip``. It runs in a process of its own, so
that a test process imports no PyTorch.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
import zipfile
from pathlib import Path
from typing import Any, cast

__all__ = ["files_by_role", "make_tiny_diffusers"]

_WIDTH = 32


def files_by_role(flat: Path) -> dict[str, list[Path]]:
    """The files of a directory model by role, as a model source would give them."""
    roles: dict[str, list[Path]] = {}
    for path in sorted(flat.iterdir()):
        roles.setdefault(path.name.split(".", 1)[0], []).append(path)
    return roles


def make_tiny_diffusers(directory: Path, seed: int = 0) -> None:
    """Write the model in its three forms."""
    sys.modules.setdefault("torchaudio", cast("Any", None))
    made = directory / "made"
    _save_pipeline(made, seed)
    flat = directory / "flat"
    flat.mkdir()
    with zipfile.ZipFile(directory / "configs.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(made.rglob("*")):
            if path.is_file():
                place = path.relative_to(made)
                shutil.copyfile(path, flat / ".".join(place.parts))
                if path.suffix != ".safetensors":
                    archive.write(path, place.as_posix())
    _save_checkpoint(made, directory / "single.safetensors")
    shutil.rmtree(made)


def _save_pipeline(directory: Path, seed: int) -> None:
    import torch
    from diffusers import (
        AutoencoderKL,
        DDIMScheduler,
        StableDiffusionPipeline,
        UNet2DConditionModel,
    )

    torch.manual_seed(seed)
    tokenizer, encoder = _text_parts(directory.parent / "tokens")
    unet = UNet2DConditionModel(
        sample_size=8,
        in_channels=4,
        out_channels=4,
        layers_per_block=1,
        block_out_channels=(32, 64),
        norm_num_groups=8,
        cross_attention_dim=_WIDTH,
        attention_head_dim=8,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
    )
    vae = AutoencoderKL(
        block_out_channels=[16, 16, 16, 16],
        norm_num_groups=8,
        in_channels=3,
        out_channels=3,
        latent_channels=4,
        down_block_types=["DownEncoderBlock2D"] * 4,
        up_block_types=["UpDecoderBlock2D"] * 4,
        sample_size=64,
    )
    scheduler = DDIMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        clip_sample=False,
        set_alpha_to_one=False,
        steps_offset=1,
    )
    StableDiffusionPipeline(
        vae=vae.eval(),
        text_encoder=encoder,
        tokenizer=tokenizer,
        unet=unet.eval(),
        scheduler=scheduler,
        safety_checker=None,
        feature_extractor=None,
        image_encoder=None,
        requires_safety_checker=False,
    ).save_pretrained(str(directory), safe_serialization=True)


def _text_parts(directory: Path) -> tuple[Any, Any]:
    """A tokenizer of single bytes and a text encoder of two layers."""
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

    symbols = _byte_symbols()
    words = [*symbols, *(f"{symbol}</w>" for symbol in symbols), "<|startoftext|>", "<|endoftext|>"]
    directory.mkdir()
    vocabulary, merges = directory / "vocab.json", directory / "merges.txt"
    vocabulary.write_text(json.dumps({word: number for number, word in enumerate(words)}))
    merges.write_text("#version: 0.2\n")
    tokenizer = CLIPTokenizer(str(vocabulary), str(merges), model_max_length=77)
    config = CLIPTextConfig(
        vocab_size=len(words),
        hidden_size=_WIDTH,
        intermediate_size=37,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=77,
        projection_dim=_WIDTH,
        bos_token_id=len(words) - 2,
        eos_token_id=len(words) - 1,
        pad_token_id=len(words) - 1,
    )
    return tokenizer, CLIPTextModel(config).eval()


def _byte_symbols() -> list[str]:
    """The printable stand-ins that CLIP's tokenizer has for the 256 bytes."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    return [chr(byte) for byte in printable] + [chr(256 + number) for number in range(len(others))]


_UNET = {
    "conv_in": "input_blocks.0.0",
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
    "down_blocks.0.resnets.0": "input_blocks.1.0",
    "down_blocks.0.downsamplers.0.conv": "input_blocks.2.0.op",
    "down_blocks.1.resnets.0": "input_blocks.3.0",
    "down_blocks.1.attentions.0": "input_blocks.3.1",
    "mid_block.resnets.0": "middle_block.0",
    "mid_block.attentions.0": "middle_block.1",
    "mid_block.resnets.1": "middle_block.2",
    "up_blocks.0.resnets.0": "output_blocks.0.0",
    "up_blocks.0.attentions.0": "output_blocks.0.1",
    "up_blocks.0.resnets.1": "output_blocks.1.0",
    "up_blocks.0.attentions.1": "output_blocks.1.1",
    "up_blocks.0.upsamplers.0.conv": "output_blocks.1.2.conv",
    "up_blocks.1.resnets.0": "output_blocks.2.0",
    "up_blocks.1.resnets.1": "output_blocks.3.0",
}
_RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}
_ATTENTION = {"group_norm": "norm", "to_q": "q", "to_k": "k", "to_v": "v", "to_out.0": "proj_out"}


def _save_checkpoint(made: Path, path: Path) -> None:
    """The same weights in the layout of the original Stable Diffusion checkpoints."""
    from safetensors.torch import load_file, save_file

    tensors: dict[str, Any] = {}
    unet = load_file(str(made / "unet/diffusion_pytorch_model.safetensors"))
    for name, value in unet.items():
        tensors[f"model.diffusion_model.{_unet_name(name)}"] = value
    vae = load_file(str(made / "vae/diffusion_pytorch_model.safetensors"))
    for name, value in vae.items():
        placed = _vae_name(name)
        if "attn_1" in placed and placed.endswith(".weight") and value.ndim == 2:
            value = value[:, :, None, None].contiguous()
        tensors[f"first_stage_model.{placed}"] = value
    encoder = load_file(str(made / "text_encoder/model.safetensors"))
    for name, value in encoder.items():
        inner = name.removeprefix("text_model.")
        tensors[f"cond_stage_model.transformer.text_model.{inner}"] = value
    save_file(tensors, str(path))


def _unet_name(name: str) -> str:
    for ours, theirs in _UNET.items():
        if name.startswith(f"{ours}."):
            rest = name.removeprefix(ours)
            if "resnets" in ours:
                for part, original in _RESNET.items():
                    rest = rest.replace(f".{part}.", f".{original}.")
            return theirs + rest
    raise KeyError(name)


def _vae_name(name: str) -> str:
    placed = name
    if found := re.match(r"encoder\.down_blocks\.(\d)\.resnets\.(\d)\.(.*)", name):
        placed = f"encoder.down.{found[1]}.block.{found[2]}.{found[3]}"
    elif found := re.match(r"encoder\.down_blocks\.(\d)\.downsamplers\.0\.(.*)", name):
        placed = f"encoder.down.{found[1]}.downsample.{found[2]}"
    elif found := re.match(r"decoder\.up_blocks\.(\d)\.resnets\.(\d)\.(.*)", name):
        placed = f"decoder.up.{3 - int(found[1])}.block.{found[2]}.{found[3]}"
    elif found := re.match(r"decoder\.up_blocks\.(\d)\.upsamplers\.0\.(.*)", name):
        placed = f"decoder.up.{3 - int(found[1])}.upsample.{found[2]}"
    elif found := re.match(r"(encoder|decoder)\.mid_block\.resnets\.(\d)\.(.*)", name):
        placed = f"{found[1]}.mid.block_{int(found[2]) + 1}.{found[3]}"
    elif found := re.match(r"(encoder|decoder)\.mid_block\.attentions\.0\.(.*)", name):
        inner = found[2]
        for ours, theirs in _ATTENTION.items():
            inner = inner.replace(ours, theirs)
        placed = f"{found[1]}.mid.attn_1.{inner}"
    return placed.replace("conv_norm_out", "norm_out").replace("conv_shortcut", "nin_shortcut")


if __name__ == "__main__":
    make_tiny_diffusers(Path(sys.argv[1]))
