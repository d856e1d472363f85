from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from plugins.tts.tests.bench import Bench

Speak = Callable[..., Path]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.fixture(scope="module")
def long_bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """One for all the examples of a property."""
    return Bench(tmp_path_factory.mktemp("long_bench"))
