"""A configuration in a directory of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from studio_worker_core.config import ConfigStore


@pytest.fixture
def store(tmp_path: Path) -> ConfigStore:
    return ConfigStore(tmp_path / "worker" / "config.toml")
