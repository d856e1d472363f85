from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psutil
import pytest

from studio_worker_core.testing.field import Field, fault_plugin_path
from studio_worker_core.testing.processes import WorkerProcess, eventually

pytest.importorskip("studio_worker_studio", reason="the studio plugin is not installed")

FAULTY = {"engine": "fault", "files": []}


class FaultField(Field):
    """A field whose workers have the ``fault`` engine."""

    def __init__(self, root: Path, stack: ExitStack) -> None:
        super().__init__(root, stack)
        self.env = {"PYTHONPATH": fault_plugin_path(root / "site")}

    def faulty_worker(self, *, url: str | None = None, settings: str = "") -> WorkerProcess:
        return self.connected_worker(url=url, settings=settings, env=self.env)

    def submit(self, prompt: str, kind: str = "image", **more: Any) -> str:
        task: dict[str, Any] = {"kind": kind, "prompt": prompt}
        if kind == "llm":
            task = {"kind": kind, "messages": [{"role": "user", "content": prompt}]}
        return self.operator.submit("fault", task, modelSource=FAULTY, **more)

    def finishes(self, job_id: str, timeout: float = 60.0) -> dict[str, Any]:
        job = self.operator.wait_job(job_id, timeout=timeout)
        assert job["state"] == "done", job
        return job


@pytest.fixture
def field(tmp_path: Path) -> Iterator[FaultField]:
    with ExitStack() as stack:
        field = FaultField(tmp_path, stack)
        field.start_studio()
        yield field


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
