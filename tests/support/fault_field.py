"""Real studios and workers with the fault engine."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psutil

from tests.support.field import Field, fault_plugin_path
from tests.support.processes import WorkerProcess
from tests.support.waiting import eventually, has_ended

FAULTY = {"engine": "fault", "files": []}

ChangeSetting = Callable[[str, str], None]
"""Changes a setting of the worker by its key."""


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

    def finishes(self, job_id: str, timeout: float = 90.0) -> dict[str, Any]:
        """Wait for the job, which must be done."""
        job = self.operator.wait_job(job_id, timeout=timeout)
        assert job["state"] == "done", job.get("error", job)
        return job

    def fails(self, job_id: str, timeout: float = 90.0) -> dict[str, Any]:
        """Wait for the job, which must fail with a reason."""
        job = self.operator.wait_job(job_id, timeout=timeout)
        assert job["state"] == "failed", job["state"]
        assert job["error"]
        return job

    def capabilities(self) -> dict[str, Any]:
        """What the first worker told the studio last."""
        found: dict[str, Any] = self.operator.listing("/workers")[0]["capabilities"]
        return found


def gone(processes: list[psutil.Process]) -> None:
    """Wait until every one of them has ended."""
    eventually("no orphans", lambda: all(map(has_ended, processes)))


def outbox_jobs(worker: WorkerProcess) -> list[Path]:
    """Finished results on the worker's disk."""
    return sorted(worker.outbox.glob("jobs/*/manifest.json"))
