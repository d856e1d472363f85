from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from studio_worker_core.testing.processes import Operator, StudioProcess, WorkerProcess

pytest.importorskip("studio_worker_studio", reason="the studio plugin is not installed")


class Field:
    """One studio and any number of workers, all real processes in one temporary place."""

    def __init__(self, root: Path, stack: ExitStack) -> None:
        self.root = root
        self._stack = stack
        self.studio = StudioProcess(root / "studio")
        self.workers: list[WorkerProcess] = []

    def start_studio(self, *options: str, env: dict[str, str] | None = None) -> StudioProcess:
        self.studio = StudioProcess(self.root / "studio", *options, env=env)
        self._stack.enter_context(self.studio)
        return self.studio

    @property
    def operator(self) -> Operator:
        return self.studio.operator

    def worker(
        self,
        name: str = "worker",
        *,
        url: str | None = None,
        settings: str = "",
        env: dict[str, str] | None = None,
    ) -> WorkerProcess:
        worker = WorkerProcess(self.root / name, url or self.studio.url, settings=settings, env=env)
        self.workers.append(worker)
        return self._stack.enter_context(worker)

    def connected_worker(
        self,
        name: str = "worker",
        *,
        url: str | None = None,
        settings: str = "",
        env: dict[str, str] | None = None,
    ) -> WorkerProcess:
        worker = self.worker(name, url=url, settings=settings, env=env)
        self.operator.approve_next()
        self.operator.wait_worker("idle")
        return worker


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
