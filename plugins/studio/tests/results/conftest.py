"""Every test in here that takes ``results`` holds wherever a studio keeps its results."""

from __future__ import annotations

from pathlib import Path

import pytest

from studio_worker_studio.results.files import FileResults
from studio_worker_studio.results.interface import ResultStorage

from ..support.memory_results import MemoryResults


@pytest.fixture(params=["files", "memory"])
def results(request: pytest.FixtureRequest, tmp_path: Path) -> ResultStorage:
    storage: ResultStorage = MemoryResults()
    if request.param == "files":
        storage = FileResults(tmp_path / "results", tmp_path / "set-aside")
    storage.prepare()
    return storage
