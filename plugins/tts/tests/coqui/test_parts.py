from __future__ import annotations

from pathlib import Path

import pytest

from studio_worker_core.plugin import InvalidTask
from studio_worker_tts.coqui.parts import ROLES, parts_of


def given(**files: str) -> dict[str, list[Path]]:
    return {role.replace("_", "-"): [Path(name)] for role, name in files.items()}


def test_each_role_has_its_file() -> None:
    parts = parts_of(given(model="a.pth", config="b.json", speakers="c.json"))
    assert parts == {
        "model": Path("a.pth"),
        "config": Path("b.json"),
        "speakers": Path("c.json"),
    }


def test_files_all_listed_as_model_are_told_by_their_names() -> None:
    names = [
        "model_file.pth",
        "config.json",
        "speaker_ids.json",
        "language_ids.json",
        "vocab.json",
        "scale_stats.npy",
        "d_vector_file.json",
    ]
    parts = parts_of({"model": [Path(name) for name in names]})
    assert {role: path.name for role, path in parts.items()} == {
        "model": "model_file.pth",
        "config": "config.json",
        "speakers": "speaker_ids.json",
        "languages": "language_ids.json",
        "vocab": "vocab.json",
        "stats": "scale_stats.npy",
        "d-vectors": "d_vector_file.json",
    }


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (given(model="a.pth"), "no file of the role 'config'"),
        (given(config="a.json"), "no file of the role 'model'"),
        ({}, "no file of the role 'model'"),
        (given(model="a", config="b", speaker="c"), "did you mean 'speakers'?"),
        (given(model="a", config="b", vae="c"), f"the roles are {', '.join(ROLES)}"),
        (given(model="a", config="b", vocoder="c"), "names no 'vocoder-config'"),
        (given(model="a", config="b", speaker_encoder_config="c"), "names no 'speaker-encoder'"),
        (
            {"model": [Path("a.pth"), Path("b.pth")], "config": [Path("c")]},
            "two files of the role 'model': a.pth and b.pth",
        ),
        (
            {"model": [Path("a.pth")], "config": [Path("b"), Path("c")]},
            "two files of the role 'config'",
        ),
    ],
)
def test_a_source_that_is_no_coqui_model_says_why(
    files: dict[str, list[Path]], message: str
) -> None:
    with pytest.raises(InvalidTask) as caught:
        parts_of(files)
    assert message in str(caught.value)
