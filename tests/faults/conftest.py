"""Fields with the fault engine: one for each test, or one for a module."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from studio_worker_core.config import ConfigStore
from tests.support.fault_field import ChangeSetting, FaultField

pytest.importorskip("studio_worker_studio", reason="the studio plugin is not installed")


@pytest.fixture
def field(tmp_path: Path) -> Iterator[FaultField]:
    """A studio of its own; no worker yet."""
    with ExitStack() as stack:
        field = FaultField(tmp_path, stack)
        field.start_studio()
        yield field


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultField]:
    """A studio with one connected worker, shared by a module's tests."""
    with ExitStack() as stack:
        field = FaultField(tmp_path_factory.mktemp("field"), stack)
        field.start_studio()
        field.faulty_worker()
        yield field


@pytest.fixture
def setting(standing: FaultField) -> Iterator[ChangeSetting]:
    """Change a setting of the standing worker and wait until it knows; put back after the
    test."""
    worker = standing.workers[0]
    store = ConfigStore(worker.config)
    changed = []

    def put(key: str, text: str) -> None:
        seen, before = len(worker.lines), store.config
        if store.set_text(key, text) != before:
            worker.wait_line("settings read again", after=seen)

    def change(key: str, text: str) -> None:
        changed.append(key)
        put(key, text)

    yield change
    for key in dict.fromkeys(changed):
        put(key, "")  # and wait: the next test would take this line for the one of its own change
