"""Make a VITS voice of about 1 MB with random weights: see ``--help``.

The real library builds, saves and loads it, so that its real loading code is tested without
a download. What it says is noise of the right length.
"""

from __future__ import annotations

import argparse
import json
import sys
import types
from pathlib import Path
from typing import Any


def skip_torchaudio_extension() -> None:
    """PyPI's torchaudio is CUDA-linked; its Python part is enough."""
    try:
        import torchaudio
    except OSError:
        for name in [name for name in sys.modules if name.startswith("torchaudio")]:
            del sys.modules[name]
        stand_in: Any = types.ModuleType("torchaudio._extension")
        stand_in._IS_TORCHAUDIO_EXT_AVAILABLE = stand_in._IS_ALIGN_AVAILABLE = False
        stand_in._check_cuda_version = lambda: None
        stand_in.fail_if_no_align = lambda function: function
        sys.modules["torchaudio._extension"] = stand_in
        import torchaudio
    assert torchaudio


def make_tiny_vits(
    out: Path, *, speakers: list[str], languages: list[str], use_phonemes: bool
) -> None:
    import torch
    from TTS.config.shared_configs import BaseAudioConfig
    from TTS.tts.configs.vits_config import VitsArgs, VitsConfig
    from TTS.tts.models import setup_model

    out.mkdir(parents=True, exist_ok=True)
    extra: dict[str, Any] = {}
    if speakers:
        ids = out / "speaker_ids.json"
        ids.write_text(json.dumps({name: number for number, name in enumerate(speakers)}))
        extra |= {"use_speaker_embedding": True, "speaker_embedding_channels": 8}
        extra |= {"speakers_file": str(ids)}
    if languages:
        ids = out / "language_ids.json"
        ids.write_text(json.dumps({name: number for number, name in enumerate(languages)}))
        extra |= {"use_language_embedding": True, "embedded_language_dim": 4}
        extra |= {"language_ids_file": str(ids)}
    args = VitsArgs(
        out_channels=65,
        hidden_channels=16,
        hidden_channels_ffn_text_encoder=32,
        num_layers_text_encoder=1,
        num_layers_posterior_encoder=1,
        num_layers_flow=1,
        resblock_type_decoder="2",
        resblock_kernel_sizes_decoder=[3],
        resblock_dilation_sizes_decoder=[[1, 3]],
        upsample_rates_decoder=[8, 8, 4],
        upsample_kernel_sizes_decoder=[16, 16, 8],
        upsample_initial_channel_decoder=32,
        use_sdp=False,
        init_discriminator=False,
        **extra,
    )
    audio = BaseAudioConfig(
        sample_rate=16000,
        fft_size=128,
        win_length=128,
        hop_length=256,
        num_mels=20,
        do_trim_silence=False,
    )
    config = VitsConfig(
        model_args=args,
        use_phonemes=False,
        text_cleaner="basic_cleaners",
        phoneme_language="en",
        audio=audio,
    )
    torch.manual_seed(0)
    model = setup_model(config)
    with torch.no_grad():  # ceil(e**2) = 8 frames a symbol, whatever the weights
        model.duration_predictor.proj.weight.zero_()
        model.duration_predictor.proj.bias.fill_(2.0)
    config.use_phonemes = use_phonemes
    config.phonemizer = "espeak" if use_phonemes else None
    config.save_json(str(out / "config.json"))
    torch.save({"model": model.state_dict()}, out / "model.pth")
    hide_the_maker(out / "config.json")


def hide_the_maker(config: Path) -> None:
    """Published configs name files of the machine that made them: so does this one."""
    text = config.read_text("utf-8")
    config.write_text(text.replace(str(config.parent), "/home/maker/training"), "utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("directory", type=Path)
    parser.add_argument("--speakers", nargs="*", default=[])
    parser.add_argument("--languages", nargs="*", default=[])
    parser.add_argument("--phonemes", action="store_true")
    given = parser.parse_args()
    skip_torchaudio_extension()
    make_tiny_vits(
        given.directory,
        speakers=given.speakers,
        languages=given.languages,
        use_phonemes=given.phonemes,
    )
