"""Tiny models of other architectures: ``-m plugins.tts.tests.models.tiny_others DIR glow|xtts``.

``glow`` is a Glow-TTS with a HiFi-GAN vocoder (``vocoder/``), normalised by statistics;
``xtts`` an XTTS with two speakers, 90 MB because its decoder's size cannot be set.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from plugins.tts.tests.models.tiny_vits import hide_the_maker, skip_torchaudio_extension

AUDIO = {
    "sample_rate": 16000,
    "fft_size": 512,
    "win_length": 512,
    "hop_length": 256,
    "num_mels": 20,
    "do_trim_silence": False,
}
SPECIAL = ["[STOP]", "[UNK]", "[SPACE]", "[en]", "[de]", "[START]"]
TOKENS = [*SPECIAL, *"abcdefghijklmnopqrstuvwxyz,.!?'"]


def make_glow(out: Path) -> None:
    import torch
    from TTS.config.shared_configs import BaseAudioConfig
    from TTS.tts.configs.glow_tts_config import GlowTTSConfig
    from TTS.tts.models import setup_model

    stats = write_stats(out)
    audio = BaseAudioConfig(**AUDIO, stats_path=str(stats))
    encoder = {"kernel_size": 3, "dropout_p": 0.1, "num_layers": 1, "num_heads": 2}
    config = GlowTTSConfig(
        audio=audio,
        use_phonemes=False,
        text_cleaner="basic_cleaners",
        phoneme_language="en",
        hidden_channels_enc=16,
        hidden_channels_dec=16,
        hidden_channels_dp=16,
        out_channels=20,
        num_flow_blocks_dec=2,
        num_block_layers=1,
        encoder_params={**encoder, "hidden_channels_ffn": 16, "input_length": None},
    )
    torch.manual_seed(0)
    save(out, config, setup_model(config))
    make_vocoder(out / "vocoder")


def make_vocoder(out: Path) -> None:
    from TTS.config.shared_configs import BaseAudioConfig
    from TTS.vocoder.configs.hifigan_config import HifiganConfig
    from TTS.vocoder.models import setup_model

    out.mkdir()
    generator = {
        "upsample_factors": [8, 8, 4],
        "upsample_kernel_sizes": [16, 16, 8],
        "upsample_initial_channel": 32,
        "resblock_kernel_sizes": [3],
        "resblock_dilation_sizes": [[1, 3]],
        "resblock_type": "2",
    }
    config = HifiganConfig(audio=BaseAudioConfig(**AUDIO), generator_model_params=generator)
    save(out, config, setup_model(config))


def write_stats(out: Path) -> Path:
    import numpy as np

    path = out / "scale_stats.npy"
    stats: dict[str, Any] = {"audio_config": {"sample_rate": 16000, "num_mels": 20}}
    for name, size in (("mel", 20), ("linear", 257)):
        stats |= {f"{name}_mean": np.zeros(size), f"{name}_std": np.ones(size)}
    np.save(path, np.array(stats, dtype=object), allow_pickle=True)
    return path


def make_xtts(out: Path) -> None:
    import torch
    from TTS.tts.configs.xtts_config import XttsArgs, XttsConfig
    from TTS.tts.layers.xtts.tokenizer import VoiceBpeTokenizer
    from TTS.tts.models import setup_model

    (out / "vocab.json").write_text(json.dumps(vocabulary()))
    arguments = XttsArgs(
        gpt_layers=1,
        gpt_n_model_channels=32,
        gpt_n_heads=2,
        gpt_max_audio_tokens=60,
        gpt_number_text_tokens=len(TOKENS),
        gpt_start_text_token=TOKENS.index("[START]"),
        gpt_stop_text_token=TOKENS.index("[STOP]"),
        decoder_input_dim=32,
        d_vector_dim=16,
    )
    config = XttsConfig(model_args=arguments, languages=["en", "de"])
    torch.manual_seed(0)
    model = setup_model(config)
    model.tokenizer = VoiceBpeTokenizer(vocab_file=str(out / "vocab.json"))
    model.init_models()
    model.gpt.init_gpt_for_inference(kv_cache=True)
    save(out, config, model)
    speakers = {
        name: {
            "gpt_cond_latent": torch.randn(1, 32, 32),
            "speaker_embedding": torch.randn(1, 16, 1),
        }
        for name in ("Ana Florence", "Ben")
    }
    torch.save(speakers, out / "speakers_xtts.pth")


def vocabulary() -> dict[str, Any]:
    added = [
        {
            "id": number,
            "special": True,
            "content": token,
            "single_word": False,
            "lstrip": False,
            "rstrip": False,
            "normalized": False,
        }
        for number, token in enumerate(SPECIAL)
    ]
    tokens = {token: number for number, token in enumerate(TOKENS)}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": added,
        "normalizer": None,
        "pre_tokenizer": {"type": "Whitespace"},
        "post_processor": None,
        "decoder": None,
        "model": {"type": "BPE", "unk_token": "[UNK]", "vocab": tokens, "merges": []},
    }


def save(out: Path, config: Any, model: Any) -> None:
    import torch

    config.save_json(str(out / "config.json"))
    torch.save({"model": model.state_dict()}, out / "model.pth")
    hide_the_maker(out / "config.json")


if __name__ == "__main__":
    directory, what = Path(sys.argv[1]), sys.argv[2]
    skip_torchaudio_extension()
    {"glow": make_glow, "xtts": make_xtts}[what](directory)
