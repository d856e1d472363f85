"""Which file of a model is what: its weights, its config, its speakers, its vocoder."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from studio_worker_core.plugin import InvalidTask

ROLES: Mapping[str, str] = MappingProxyType(
    {
        "model": "the checkpoint (.pth)",
        "config": "its config.json",
        "speakers": "speaker ids (.json, .pth) or, for a model that uses them, d-vectors",
        "d-vectors": "speaker embeddings (.json, .pth)",
        "languages": "language ids (.json)",
        "speaker-encoder": "checkpoint of the speaker encoder",
        "speaker-encoder-config": "config of the speaker encoder",
        "vocoder": "checkpoint of the vocoder",
        "vocoder-config": "config of the vocoder",
        "stats": "mean and variance of the spectrograms (scale_stats.npy)",
        "vocoder-stats": "the same for the vocoder",
        "mel-statistics": "spectrogram statistics of overflow and neuralhmm_tts (.pt)",
        "vocab": "the tokenizer of XTTS (vocab.json)",
    }
)
"""Role of a file in the model source → what it is."""

_NAMED = (
    ("config", re.compile(r"config.*\.json$")),
    ("speakers", re.compile(r"speaker.*\.(json|pth)$")),
    ("languages", re.compile(r"lang.*\.json$")),
    ("d-vectors", re.compile(r"d_?vector.*\.(json|pth)$")),
    ("vocab", re.compile(r"vocab.*\.json$")),
    ("stats", re.compile(r"stats.*\.npy$")),
)
"""Files that a studio lists under the role ``model``, all of them, are told by their names."""

_TOGETHER = (("vocoder", "vocoder-config"), ("speaker-encoder", "speaker-encoder-config"))


def parts_of(files: Mapping[str, Sequence[Path]]) -> dict[str, Path]:
    """Role → the one file of it.

    Raises:
        InvalidTask: a role that no Coqui model has, two files of one role, or a part without
            the part it needs.
    """
    parts: dict[str, Path] = {}
    for role, paths in files.items():
        if role not in ROLES:
            raise InvalidTask(f"a Coqui model has no file of the role '{role}'{_instead(role)}")
        for path in paths:
            actual = _by_name(path) if role == "model" and len(paths) > 1 else role
            if actual in parts:
                raise InvalidTask(
                    f"the model source names two files of the role '{actual}': "
                    f"{parts[actual].name} and {path.name}; a Coqui model has one"
                )
            parts[actual] = path
    for role in ("model", "config"):
        if role not in parts:
            raise InvalidTask(
                f"the model source names no file of the role '{role}' ({ROLES[role]}), and "
                "a Coqui model cannot be loaded without"
            )
    for one, other in _TOGETHER:
        if (one in parts) != (other in parts):
            missing = other if one in parts else one
            raise InvalidTask(
                f"'{one}' and '{other}' go together, but the model source names no '{missing}'"
            )
    return parts


def _by_name(path: Path) -> str:
    name = path.name.lower()
    return next((role for role, pattern in _NAMED if pattern.search(name)), "model")


def _instead(role: str) -> str:
    near = difflib.get_close_matches(role, ROLES, n=1)
    if near:
        return f"; did you mean '{near[0]}'?"
    return f"; the roles are {', '.join(ROLES)}"
