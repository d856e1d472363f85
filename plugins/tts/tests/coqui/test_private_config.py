from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio_worker_core.plugin import EngineFailed, InvalidTask
from studio_worker_tts.coqui.private_config import (
    VOCODERS,
    needs_espeak,
    private_config,
    read_config,
)

VITS: dict[str, Any] = {
    "model": "vits",
    "output_path": "/home/maker/out",
    "phoneme_cache_path": "/home/maker/cache",
    "datasets": [{"name": "vctk", "path": "/data/vctk", "meta_file_train": "https://x.test/m"}],
    "audio": {"sample_rate": 22050, "stats_path": None},
    "characters": {"characters_class": "TTS.tts.models.vits.VitsCharacters", "pad": "_"},
    "text_cleaner": "english_cleaners",
    "speakers_file": "/home/maker/speakers.json",
    "model_args": {
        "use_speaker_embedding": True,
        "use_d_vector_file": False,
        "speakers_file": "/home/maker/speakers.json",
        "speaker_encoder_model_path": "https://hub.test/encoder.pth",
        "use_speaker_encoder_as_loss": True,
        "length_scale": 1,
    },
}


def test_paths_become_the_given_files_and_the_rest_goes() -> None:
    copy = private_config(VITS, {"speakers": Path("/here/speakers.json")})
    assert copy["speakers_file"] == copy["model_args"]["speakers_file"] == "/here/speakers.json"
    assert copy["model_args"]["length_scale"] == 1
    assert copy["model_args"]["use_d_vector_file"] is False
    assert copy["model_args"]["use_speaker_encoder_as_loss"] is False
    assert copy["audio"] == {"sample_rate": 22050, "stats_path": None}
    text = json.dumps(copy)
    assert "/home/maker" not in text
    assert "/data" not in text
    assert "://" not in text


def test_the_given_config_is_left_as_it_is() -> None:
    before = json.dumps(VITS)
    private_config(VITS, {"speakers": Path("/here/speakers.json")})
    assert json.dumps(VITS) == before


def test_the_speakers_of_a_model_with_d_vectors_are_its_d_vectors() -> None:
    config = {**VITS, "model_args": {"use_d_vector_file": True, "d_vector_file": ["/x.json"]}}
    copy = private_config(config, {"speakers": Path("/here/speakers.json")})
    assert copy["model_args"]["d_vector_file"] == "/here/speakers.json"


def test_an_encoder_that_is_given_is_used() -> None:
    files = {
        "speaker-encoder": Path("/here/e.pth"),
        "speaker-encoder-config": Path("/here/e.json"),
    }
    arguments = private_config(VITS, files)["model_args"]
    assert arguments["speaker_encoder_model_path"] == "/here/e.pth"
    assert arguments["speaker_encoder_config_path"] == "/here/e.json"
    assert arguments["use_speaker_encoder_as_loss"] is True


def test_statistics_have_to_be_given_where_the_model_was_made_with_them() -> None:
    config = {**VITS, "audio": {"stats_path": "/home/maker/scale_stats.npy"}}
    copy = private_config(config, {"stats": Path("/here/stats.npy")})
    assert copy["audio"]["stats_path"] == "/here/stats.npy"
    with pytest.raises(InvalidTask, match=r"scale_stats.npy.*role 'stats'"):
        private_config(config, {})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model": "bark"}, "architecture 'bark'"),
        ({"model": "../../evil"}, "architecture '../../evil'"),
        ({"model": None}, "does not say which architecture"),
        ({"base_model": "os"}, "based on 'os'"),
        ({"characters": {"characters_class": "os.system"}}, "characters_class is 'os.system'"),
        ({"characters": {"characters_class": "TTS.bin.synthesize.main"}}, "characters_class"),
        ({"text_cleaner": "__class__"}, "text_cleaner is '__class__'"),
        ({"text_cleaner": ["english_cleaners"]}, "text_cleaner"),
        ({"discriminator_model": "..x"}, "discriminator_model is '..x'"),
    ],
)
def test_code_and_architectures_that_are_not_served_are_refused(
    change: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidTask) as caught:
        private_config({**VITS, **change}, {})
    assert message in str(caught.value)


def test_a_vocoder_has_architectures_of_its_own() -> None:
    config = {"model": "hifigan", "generator_model": "hifigan_generator", "data_path": "/x"}
    assert "data_path" not in private_config(config, {}, served=VOCODERS)
    with pytest.raises(InvalidTask, match="architecture 'vits'"):
        private_config(VITS, {}, served=VOCODERS)


@pytest.mark.parametrize(
    ("config", "needed"),
    [
        ({"use_phonemes": False, "phonemizer": "espeak"}, False),
        ({"use_phonemes": True, "phonemizer": "espeak"}, True),
        ({"use_phonemes": True, "phonemizer": None}, True),
        ({"use_phonemes": True, "phonemizer": "gruut"}, False),
        (
            {
                "use_phonemes": True,
                "phonemizer": "multi_phonemizer",
                "datasets": [{"phonemizer": "gruut"}, {"phonemizer": "espeak"}],
            },
            True,
        ),
        (
            {
                "use_phonemes": True,
                "phonemizer": "multi_phonemizer",
                "datasets": [{"phonemizer": "gruut"}],
            },
            False,
        ),
    ],
)
def test_espeak_is_needed_for_its_phonemes_alone(config: dict[str, Any], needed: bool) -> None:
    assert needs_espeak(config) is needed


def test_a_config_with_comments_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text('{ // the model\n "model": "vits", /* or\n so */ "url": "a//b" }', "utf-8")
    assert read_config(path) == {"model": "vits", "url": "a//b"}


@pytest.mark.parametrize("text", ["", "[1]", "{", "\x00", "[" * 200_000, '"vits"'])
def test_a_file_that_is_no_config_says_so(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config.json"
    path.write_text(text, "utf-8")
    with pytest.raises(EngineFailed, match=r"config.json is no config"):
        read_config(path)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["a", "a_path", "speakers_file", "files"]), inner)
    ),
    max_leaves=20,
)


@given(_JSON)
def test_no_foreign_place_survives(value: Any) -> None:
    config = {"model": "vits", "x": {"data_dir": "/etc", "deep": [value, "http://x.test/y"]}}
    copy = private_config(config, {"speakers": Path("/ours")})

    def places(item: Any) -> list[str]:
        if isinstance(item, dict):
            own = [str(v) for k, v in item.items() if k.endswith(("_path", "_file", "_dir"))]
            return own + [place for v in item.values() for place in places(v)]
        return [place for v in item for place in places(v)] if isinstance(item, list) else []

    assert {place for place in places(copy) if place not in ("True", "False", "None")} <= {
        "/ours",
        *(str(number) for number in _numbers(value)),
    }
    assert "http://x.test/y" not in json.dumps(copy)


def _numbers(value: Any) -> list[int]:
    if isinstance(value, bool):
        return []
    if isinstance(value, int):
        return [value]
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
    return [number for item in inner for number in _numbers(item)]
