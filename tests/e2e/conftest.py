from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.field import Field

pytest.importorskip("studio_worker_studio", reason="the studio plugin is not installed")


@pytest.fixture
def field(tmp_path: Path) -> Iterator[Field]:
    with ExitStack() as stack:
        yield Field(tmp_path, stack)


@pytest.fixture
def ready(field: Field) -> Field:
    """A studio with one connected, idle worker named ``worker``."""
    field.start_studio()
    field.connected_worker()
    return field


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Field]:
    """Like ``ready``, shared by a module's tests: for jobs that leave nothing behind."""
    with ExitStack() as stack:
        field = Field(tmp_path_factory.mktemp("field"), stack)
        field.start_studio()
        field.connected_worker()
        yield field
