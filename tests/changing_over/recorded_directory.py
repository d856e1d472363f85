"""A config directory as the existing worker (0.4.35) leaves it, with comments of its operator."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

DEFAULTS = {"cfgScale": 1.0, "steps": 8, "width": 512, "height": 512}
WEIGHTS = b"GGUF" + bytes(2000)
CHAT: dict[str, Any] = {
    "id": "qwen3.5-0.8b",
    "displayName": "Qwen3.5 0.8B instruct (Q8_0)",
    "kind": "llm",
    "vramGbEstimate": 1.5,
    "description": "small and quick",
    "source": {
        "engine": "llama-cpp",
        "files": [
            {
                "role": "model",
                "url": "https://models.example/Qwen3.5-0.8B-Q8_0.gguf",
                "filename": "Qwen3.5-0.8B-Q8_0.gguf",
                "approxBytes": len(WEIGHTS),
                "sha256": hashlib.sha256(WEIGHTS).hexdigest(),
            }
        ],
        "cliDefaults": {
            "cfgScale": 0.0,
            "steps": 0,
            "width": 0,
            "height": 0,
            "contextSize": 32768,
            "chatTemplateKwargs": {"enable_thinking": False},
        },
    },
    "enabled": True,
    "origin": "local",
    "exclusiveGroup": "chat",
}
VISION: dict[str, Any] = {
    "id": "megadetector-v5a",
    "displayName": "MegaDetector",
    "kind": "vision",
    "vramGbEstimate": 1.0,
    "source": {
        "engine": "onnx-vision",
        "files": [],
        "cliDefaults": {**DEFAULTS, "vision": {"task": "detect", "labels": ["animal"]}},
    },
    "enabled": True,
    "origin": "local",
}
OFFERED: dict[str, Any] = {
    "id": "synthetic-mesh",
    "displayName": "synthetic-mesh",
    "kind": "mesh",
    "vramGbEstimate": 0.0,
    "source": {"engine": "synthetic", "files": [], "cliDefaults": DEFAULTS},
    "enabled": True,
    "origin": "studio",
}
CATALOGUE: dict[str, Any] = {"models": [CHAT, VISION, OFFERED]}
RESIDENT = '{"version": 1, "resident": ["qwen3.5-0.8b"]}'


def config_text(studio_url: str, models_root: Path, identity: str) -> str:
    """Every key that 0.4.35 writes; ``identity`` is the lines of the registration."""
    return f"""\
# the studio of the attic
api_base_url = "{studio_url}"
{identity}vram_threshold_gb = 12.0   # the whole card
memory_max_gb = 32
auto_start = false
start_minimised = true
only_when_idle = false
auto_update_enabled = false
auto_update_interval_secs = 1800
auto_update_feed = "https://releases.example/studio-worker"
auto_update_prerelease = false
models_root = "{models_root}"
ws_reconnect_attempts = 0
local_api_port = 4787
local_api_token = "{"ab" * 32}"
stream_port = 4798
install_id = "11111111-2222-4333-8444-555555555555"

# of a version to come
[panel]
theme = "dark"
"""


def lay_out(directory: Path, studio_url: str, identity: str) -> Path:
    """Write such a directory; its config file."""
    models = directory / "models"
    models.mkdir(parents=True)
    (models / "Qwen3.5-0.8B-Q8_0.gguf").write_bytes(WEIGHTS)
    config = directory / "config.toml"
    config.write_text(config_text(studio_url, models, identity), "utf-8")
    config.chmod(0o600)
    (directory / "models.json").write_text(json.dumps(CATALOGUE, indent=2), "utf-8")
    (directory / "residency.json").write_text(RESIDENT, "utf-8")
    return config
