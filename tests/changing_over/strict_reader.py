"""What the existing worker accepts of the files that both workers use, and nothing else.

Written from what is known of its files: closed lists, no defaults for numbers, unsigned integers,
other keys passed over in the config and the catalogue and refused in ``residency.json``.
"""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

ENGINES = {"sd-cpp", "llama-cpp", "onnx", "parakeet", "onnx-vision", "torch", "synthetic"}
KINDS = {"image", "llm", "audio_stt", "audio_tts", "video", "mesh", "vision"}
ROLES = {"diffusion-model", "text-encoder", "text-encoder-vision", "vae", "lora", "model", "labels"}

TEXTS = {
    "api_base_url",
    "worker_id",
    "auth_token",
    "auto_update_feed",
    "models_root",
    "local_api_token",
    "install_id",
    "registration_request_id",
    "registration_secret",
}
FLAGS = {
    "auto_start",
    "start_minimised",
    "auto_update_enabled",
    "auto_update_prerelease",
    "only_when_idle",
}
MOST = {
    "memory_max_gb": 2**32,
    "auto_update_interval_secs": 2**63,
    "ws_reconnect_attempts": 2**32,
    "local_api_port": 2**16,
    "stream_port": 2**16,
}


def read_config(path: Path) -> dict[str, Any]:
    """The table of a config; AssertionError where the existing worker would not start."""
    table = tomllib.loads(path.read_text("utf-8"))
    for key in ("api_base_url", "vram_threshold_gb", "auto_start"):
        assert key in table, f"missing field {key}"
    for key, value in table.items():
        if key in TEXTS:
            assert isinstance(value, str), key
        elif key in FLAGS:
            assert isinstance(value, bool), key
        elif key in MOST:
            assert type(value) is int, key
            assert 0 <= value < MOST[key], key
        elif key == "vram_threshold_gb":
            assert isinstance(value, float), key
    return table


def read_catalogue(path: Path) -> dict[str, Any]:
    """The catalogue by id; AssertionError where the existing worker would set it aside."""
    document = json.loads(path.read_bytes())
    assert isinstance(document, dict)
    assert all(isinstance(seed, str) for seed in document.get("dismissedSeeds", []))
    for entry in document["models"]:
        assert isinstance(entry["id"], str)
        assert isinstance(entry["displayName"], str)
        assert entry["kind"] in KINDS
        assert _is_number(entry["vramGbEstimate"])
        assert isinstance(entry.get("enabled", True), bool)
        assert isinstance(entry.get("origin", ""), str)
        _read_source(entry["source"])
    return {entry["id"]: entry for entry in document["models"]}


def read_residency(path: Path) -> list[str]:
    """The models kept loaded."""
    document = json.loads(path.read_bytes())
    assert set(document) == {"version", "resident"}
    assert document["version"] == 1
    assert all(isinstance(model, str) for model in document["resident"])
    resident: list[str] = document["resident"]
    return resident


def _read_source(source: dict[str, Any]) -> None:
    assert source["engine"] in ENGINES
    for file in source["files"]:
        assert file["role"] in ROLES
        assert isinstance(file["url"], str)
        assert isinstance(file["filename"], str)
        assert type(file.get("approxBytes", 0)) is int
    assert _is_number(source["cliDefaults"]["cfgScale"])
    for name in ("steps", "width", "height"):
        assert type(source["cliDefaults"][name]) is int, name
        assert 0 <= source["cliDefaults"][name] < 2**32


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
