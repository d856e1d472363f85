"""Models kept loaded: the file is the original worker's."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from studio_worker_core.models.residency import Residency


def test_the_list_is_read_and_a_model_that_is_gone_is_dropped(tmp_path: Path) -> None:
    path = tmp_path / "residency.json"
    path.write_text('{"version": 1, "resident": ["a", "b", "c"], "later": 2}')
    residency = Residency(path)
    assert residency.resident() == {"a", "b", "c"}
    residency.forget("b")
    assert json.loads(path.read_bytes()) == {"version": 1, "resident": ["a", "c"], "later": 2}


@pytest.mark.parametrize(
    "text", ['{"version": 2, "resident": ["a"]}', "[]", "{", "[" * 5000, '{"version": 1}', "\x00"]
)
def test_a_file_of_another_shape_is_left_as_it_is(tmp_path: Path, text: str) -> None:
    path = tmp_path / "residency.json"
    path.write_text(text)
    residency = Residency(path)
    assert residency.resident() == frozenset()
    residency.forget("a")
    assert path.read_text() == text


def test_without_a_file_nothing_is_resident_and_none_is_made(tmp_path: Path) -> None:
    residency = Residency(tmp_path / "residency.json")
    assert residency.resident() == frozenset()
    residency.forget("a")
    assert not residency.path.exists()
