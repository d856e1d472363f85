"""Runs an engine's jobs without a lane and prints what was reported, as JSON lines.

``engine_run.py FACTORY JOBS``: JOBS is a JSON file with ``model`` (name, files) and ``tasks``.
A lane drops progress that comes faster than 20 times a second; here every report is seen.
"""

from __future__ import annotations

import importlib
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from studio_worker_core.plugin import Engine, ImageTask, Job, Model

__all__ = ["run_jobs"]


def run_jobs(factory: str, model: Model, tasks: list[ImageTask]) -> list[dict[str, Any]]:
    """Load, do each task, unload. For each: ``progress``, ``logs``."""
    module, _, name = factory.partition(":")
    engine: Engine = getattr(importlib.import_module(module), name)()
    engine.load(model)
    reports = []
    for number, task in enumerate(tasks):
        with tempfile.TemporaryDirectory() as made:
            progress: list[float] = []
            logs: list[str] = []
            job = Job(
                id=f"job-{number}",
                task=task,
                model=model,
                inputs={},
                directory=Path(made),
                scratch=Path(made),
                on_progress=_first_to(progress),
                on_log=_second_to(logs),
                is_cancelled=lambda: False,
            )
            engine.generate(job)
            reports.append({"progress": progress, "logs": logs})
    engine.unload()
    return reports


def _first_to(kept: list[float]) -> Callable[[float, str | None], None]:
    return lambda fraction, _message: kept.append(fraction)


def _second_to(kept: list[str]) -> Callable[[str, str], None]:
    return lambda _level, line: kept.append(line)


if __name__ == "__main__":
    order = json.loads(Path(sys.argv[2]).read_text())
    found = run_jobs(
        sys.argv[1],
        msgspec.convert(order["model"], Model, dec_hook=lambda kind, value: kind(value)),
        msgspec.convert(order["tasks"], list[ImageTask]),
    )
    print("REPORT " + json.dumps(found), flush=True)
