from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from studio_worker_core.plugin import EngineFailed, InvalidTask
from studio_worker_tts.coqui.workspace import lay_out


def there(_: str) -> str | None:
    return "/usr/bin/espeak-ng"


def missing(_: str) -> str | None:
    return None


@pytest.fixture
def store(tmp_path: Path) -> Path:
    store = tmp_path / "fairseq::store"
    store.mkdir()
    return store


@pytest.fixture
def private(tmp_path: Path) -> Path:
    private = tmp_path / "private"
    private.mkdir()
    return private


def write(path: Path, value: Any = None) -> Path:
    if value is None:
        path.write_bytes(b"PK\x03\x04weights")
    else:
        path.write_text(json.dumps(value), "utf-8")
    return path


def test_the_model_is_laid_out_under_names_of_ours(store: Path, private: Path) -> None:
    speakers = write(store / "who.txt", {"alice": 0})
    parts = {
        "model": write(store / "checkpoint_1000000.pth.tar"),
        "config": write(store / "c.json", {"model": "VITS", "speakers_file": "/maker/ids.json"}),
        "speakers": speakers,
    }
    files, architecture = lay_out(parts, private, which=missing)
    assert architecture == "vits"
    assert files["model"] == private / "model.pth"
    assert files["model"].read_bytes() == parts["model"].read_bytes()
    assert files["speakers"] == private / "speakers.json"
    config = json.loads(files["config"].read_text("utf-8"))
    assert config["speakers_file"] == str(private / "speakers.json")
    assert json.loads(parts["config"].read_text("utf-8"))["speakers_file"] == "/maker/ids.json"


def test_xtts_finds_its_files_where_it_looks_for_them(store: Path, private: Path) -> None:
    parts = {
        "model": write(store / "m.pth"),
        "config": write(store / "c.json", {"model": "xtts"}),
        "speakers": write(store / "s.pth"),
        "vocab": write(store / "v.json", {"model": {}}),
    }
    lay_out(parts, private, which=missing)
    assert sorted(path.name for path in private.iterdir()) == [
        "config.json",
        "model.pth",
        "speakers_xtts.pth",
        "vocab.json",
    ]


def test_a_vocoder_has_a_config_of_its_own(store: Path, private: Path) -> None:
    vocoder = {"model": "hifigan", "audio": {"sample_rate": 1}, "output_path": "/maker"}
    parts = {
        "model": write(store / "m.pth"),
        "config": write(store / "c.json", {"model": "glow_tts"}),
        "vocoder": write(store / "v.pth"),
        "vocoder-config": write(store / "v.json", vocoder),
    }
    files, _ = lay_out(parts, private, which=missing)
    written = json.loads(files["vocoder-config"].read_text("utf-8"))
    assert written == {"model": "hifigan", "audio": {"sample_rate": 1}}
    assert files["vocoder"].name == "vocoder.pth"


def test_a_vocoder_config_cannot_smuggle_another_model(store: Path, private: Path) -> None:
    parts = {
        "model": write(store / "m.pth"),
        "config": write(store / "c.json", {"model": "glow_tts"}),
        "vocoder": write(store / "v.pth"),
        "vocoder-config": write(store / "v.json", {"model": "bark"}),
    }
    with pytest.raises(InvalidTask, match="'bark'"):
        lay_out(parts, private, which=missing)


def test_a_phoneme_model_needs_espeak_ng_and_says_how_to_get_it(store: Path, private: Path) -> None:
    parts = {
        "model": write(store / "m.pth"),
        "config": write(store / "c.json", {"model": "vits", "use_phonemes": True}),
    }
    with pytest.raises(EngineFailed, match=r"apt install espeak-ng.*brew install espeak-ng"):
        lay_out(parts, private, which=missing)
    files, _ = lay_out({**parts}, _fresh(private), which=there)
    assert json.loads(files["config"].read_text("utf-8"))["phonemizer"] == "espeak"


def _fresh(private: Path) -> Path:
    fresh = private / "again"
    fresh.mkdir()
    return fresh


@pytest.mark.parametrize("role", ["model", "config"])
def test_an_empty_or_missing_file_is_named(store: Path, private: Path, role: str) -> None:
    parts = {
        "model": write(store / "m.pth"),
        "config": write(store / "c.json", {"model": "vits"}),
    }
    parts[role].write_bytes(b"")
    with pytest.raises(EngineFailed, match=f"{parts[role].name} is empty"):
        lay_out(parts, private, which=missing)
    parts[role].unlink()
    with pytest.raises(EngineFailed, match="not there"):
        lay_out(parts, private, which=missing)
