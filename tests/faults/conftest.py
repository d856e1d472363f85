"""Real studios and workers with the fault engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psutil
import pytest

from studio_worker_core.config import ConfigStore
from studio_worker_core.testing.field import Field, fault_plugin_path
from studio_worker_core.testing.processes import WorkerProcess, eventually

pytest.importorskip("studio_worker_studio", reason="the studio plugin is not installed")

FAULTY = {"engine": "fault", "files": []}


class FaultField(Field):
    """A field whose workers have the ``fault`` engine."""

    def __init__(self, root: Path, stack: ExitStack) -> None:
        super().__init__(root, stack)
        self.env = {"PYTHONPATH": fault_plugin_path(root / "site")}

    def faulty_worker(
        self, name: str = "worker", *, url: str | None = None, settings: str = ""
    ) -> WorkerProcess:
        """A connected worker with the fault engine."""
        return self.enrolled_worker(name, url=url, settings=settings, env=self.env)

    def submit(self, prompt: str, kind: str = "image", *, model: str = "fault", **more: Any) -> str:
        """Queue a job for the fault engine; the prompt says what it does."""
        task: dict[str, Any] = {"kind": kind, "prompt": prompt}
        if kind == "llm":
            task = {"kind": kind, "messages": [{"role": "user", "content": prompt}]}
        return self.operator.submit(model, task, **{"modelSource": FAULTY, **more})

    def finishes(self, job_id: str, timeout: float = 60.0) -> dict[str, Any]:
        """Wait for the job, which must be done."""
        job = self.operator.wait_job(job_id, timeout=timeout)
        assert job["state"] == "done", job.get("error", job)
        return job

    def fails(self, job_id: str, timeout: float = 60.0) -> dict[str, Any]:
        """Wait for the job, which must fail with a reason."""
        job = self.operator.wait_job(job_id, timeout=timeout)
        assert job["state"] == "failed", job["state"]
        assert job["error"]
        return job

    def capabilities(self) -> dict[str, Any]:
        """What the first worker told the studio last."""
        found: dict[str, Any] = self.operator.listing("/workers")[0]["capabilities"]
        return found


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
def setting(standing: FaultField) -> Iterator[Callable[[str, str], None]]:
    """Change a setting of the standing worker and wait until it knows; put back after the
    test."""
    worker = standing.workers[0]
    store = ConfigStore(worker.config)
    changed = []

    def change(key: str, text: str) -> None:
        changed.append(key)
        seen = len(worker.lines)
        store.set_text(key, text)
        worker.wait_line("settings read again", after=seen)

    yield change
    for key in changed:
        store.set_text(key, "")


def gone(processes: list[psutil.Process]) -> None:
    """Wait until every one of them has ended."""
    eventually(
        "no orphans",
        lambda: not [p for p in processes if p.is_running() and p.status() != "zombie"],
        timeout=10,
    )


@pytest.fixture
def no_orphans() -> Any:
    return gone


def outbox_jobs(worker: WorkerProcess) -> list[Path]:
    """Finished results on the worker's disk."""
    return sorted(worker.outbox.glob("jobs/*/manifest.json"))


@pytest.fixture
def results_of() -> Any:
    return outbox_jobs
