"""Fixtures that several rooms share: real engine processes, installed plugins."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.support.lane_bench import LaneBench
from tests.support.plugin_builder import PluginSite


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[LaneBench]:
    bench = LaneBench(tmp_path)
    before = set(psutil.Process().children(recursive=True))
    yield bench
    bench.lanes.close()
    left = set(psutil.Process().children(recursive=True)) - before
    assert not left, f"processes left behind: {left}"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PluginSite]:
    root = tmp_path / "site"
    root.mkdir()
    monkeypatch.syspath_prepend(str(root))
    yield PluginSite(root)
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", None)).startswith(str(root)):
            del sys.modules[name]
