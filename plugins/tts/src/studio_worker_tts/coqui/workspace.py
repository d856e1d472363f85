"""The directory a model is loaded from: rewritten configs, and links to the given files."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from studio_worker_core.plugin import EngineFailed
from studio_worker_tts.coqui.private_config import (
    ENCODERS,
    VOCODERS,
    needs_espeak,
    private_config,
    read_config,
)
from studio_worker_tts.coqui.statistics_file import copy_statistics

_NAMES = {
    "model": "model.pth",
    "vocab": "vocab.json",
    "vocoder": "vocoder.pth",
    "speaker-encoder": "speaker_encoder.pth",
    "mel-statistics": "mel_statistics.pt",
    "languages": "language_ids.json",
}
"""Names of ours: the library reads meaning into names, and paths with '::' or '://'."""

_ESPEAK = ("espeak-ng", "espeak")


def lay_out(
    parts: Mapping[str, Path], directory: Path, *, which: Callable[[str], str | None]
) -> tuple[dict[str, Path], str]:
    """Prepare ``directory``; role → file in it, and the architecture of the model.

    :param which: :func:`shutil.which`.

    Raises:
        InvalidTask: the config asks for something that is not served.
        EngineFailed: a file cannot be read, or the model needs a program that is not here.
    """
    for path in parts.values():
        if not path.is_file() or path.stat().st_size == 0:
            raise EngineFailed(f"the model's file {path.name} is empty or not there")
    config = read_config(parts["config"])
    architecture = str(config.get("model", "")).lower()
    files: dict[str, Path] = {}
    for role, path in parts.items():
        if role in ("config", "vocoder-config", "speaker-encoder-config"):
            continue
        target = directory / _name(role, path, architecture)
        if role in ("stats", "vocoder-stats"):
            copy_statistics(path, target)
        else:
            _link(path, target)
        files[role] = target
    if "speaker-encoder-config" in parts:
        encoder = private_config(read_config(parts["speaker-encoder-config"]), {}, served=ENCODERS)
        files["speaker-encoder-config"] = _written(directory / "encoder_config.json", encoder)
    if "vocoder-config" in parts:
        vocoder = private_config(
            read_config(parts["vocoder-config"]),
            {role: file for role, file in files.items() if role == "vocoder-stats"},
            served=VOCODERS,
            stats="vocoder-stats",
        )
        files["vocoder-config"] = _written(directory / "vocoder_config.json", vocoder)
    own = private_config(config, files)
    if needs_espeak(own) and not any(which(program) for program in _ESPEAK):
        raise EngineFailed(
            "this model turns text into phonemes with the program espeak-ng, which is not on "
            "the PATH of this worker; install it (Debian and Ubuntu: apt install espeak-ng; "
            "macOS: brew install espeak-ng) and start the worker again"
        )
    files["config"] = _written(directory / "config.json", own)
    return files, architecture


def _name(role: str, path: Path, architecture: str) -> str:
    if role in _NAMES:
        return _NAMES[role]
    if role == "speakers" and architecture == "xtts":
        return "speakers_xtts.pth"
    if role in ("stats", "vocoder-stats"):
        return f"{role}.npy"
    return f"{role}{'.json' if _is_json(path) else '.pth'}"


def _is_json(path: Path) -> bool:
    """Told from the bytes: the library goes by the name's end."""
    with path.open("rb") as file:
        return file.read(64).lstrip()[:1] in (b"{", b"[")


def _link(source: Path, target: Path) -> None:
    try:
        target.symlink_to(source.resolve())
    except OSError:  # Windows, without the right to make links
        shutil.copyfile(source, target)


def _written(path: Path, config: Mapping[str, object]) -> Path:
    path.write_text(json.dumps(config), "utf-8")
    return path
