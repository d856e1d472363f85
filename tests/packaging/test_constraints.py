"""The two files of exact versions are given to pip together: they may not contradict."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def named(file: str) -> list[str]:
    pins = re.findall(r"^([\w.-]+)==", (ROOT / file).read_text("utf-8"), re.MULTILINE)
    return [re.sub(r"[-_.]+", "-", pin).lower() for pin in pins]


def test_a_library_has_its_version_in_one_place() -> None:
    pins = named("constraints.txt") + named("constraints-models.txt")
    assert len(pins) > 100
    assert sorted({pin for pin in pins if pins.count(pin) > 1}) == []
