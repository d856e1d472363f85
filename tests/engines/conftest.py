"""Real engine processes, and a check that none is left."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from studio_worker_core.testing.lane_bench import LaneBench


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[LaneBench]:
    bench = LaneBench(tmp_path)
    before = set(psutil.Process().children(recursive=True))
    yield bench
    bench.lanes.close()
    left = set(psutil.Process().children(recursive=True)) - before
    assert not left, f"processes left behind: {left}"
