"""JSON that a person gives to a command, nested deeper than anything reads."""

from __future__ import annotations

from pathlib import Path

import pytest

from studio_worker_core.cli.engines.parameters import typed_parameters
from studio_worker_core.cli.model_entry import read_entry
from studio_worker_core.errors import ModelStoreError

DEEP = "[" * 100_000 + "]" * 100_000


def test_an_entry_of_a_model_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "deep.json"
    path.write_text(DEEP)
    with pytest.raises(ModelStoreError, match=r"deep\.json is not JSON"):
        read_entry(path, None)


def test_a_parameter_is_taken_as_text() -> None:
    assert typed_parameters([f"prompt={DEEP}"])["prompt"].value == DEEP
