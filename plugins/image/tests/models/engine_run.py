"""Runs an engine's jobs without a lane and prints what was reported, as JSON lines.

``engine_run.py FACTORY JOBS``: JOBS is a JSON file with ``model`` (name, files) and ``tasks``.
A lane drops progress that comes faster than 20 times a second; here every report is seen.
"""

from __future__ import annotations

import importlib
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import msgspec

from studio_worker_core.plugin import Engine, ImageTask, Model
from studio_worker_core.testing.jobs import make_job

__all__ = ["run_jobs"]


def run_jobs(factory: str, model: Model, tasks: list[ImageTask]) -> list[dict[str, Any]]:
    """Load, do each task, unload. For each: ``progress``, ``logs``."""
    module, _, name = factory.partition(":")
    engine: Engine = getattr(importlib.import_module(module), name)()
    engine.load(model)
    reports = []
    for number, task in enumerate(tasks):
        with tempfile.TemporaryDirectory() as made:
            job = make_job(task, Path(made), model=model, id=f"job-{number}")
            engine.generate(job)
            logs = [line for _, line in job.logs]
            reports.append({"progress": job.fractions, "logs": logs})
    engine.unload()
    return reports


if __name__ == "__main__":
    order = json.loads(Path(sys.argv[2]).read_text())
    found = run_jobs(
        sys.argv[1],
        msgspec.convert(order["model"], Model, dec_hook=lambda kind, value: kind(value)),
        msgspec.convert(order["tasks"], list[ImageTask]),
    )
    print("REPORT " + json.dumps(found), flush=True)
