"""An engine in its own process, with a witness: the progress it really reports.

The host drops steps backwards and values out of range before anybody sees them, so this is
where they can be seen. The lane gets a factory of this module whose name tells the real one.
"""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

from studio_worker_core.plugin import Engine, Job, Model, Output

OBSERVED_FILE = "observed-progress.json"
"""Where, in the job's scratch directory, the reported fractions are written."""

_PREFIX = "Observed_"


def observed_factory(factory: str) -> str:
    """The factory that makes the engine of ``factory``, observed."""
    return f"{__name__}:{_PREFIX}{factory.encode().hex()}"


def observed_progress(scratch: Path) -> list[float]:
    """Every fraction the engine reported for the job, in order."""
    found: list[float] = json.loads((scratch / OBSERVED_FILE).read_text("utf-8"))
    return found


def __getattr__(name: str) -> Any:
    if not name.startswith(_PREFIX):
        raise AttributeError(name)
    module, _, attribute = bytes.fromhex(name.removeprefix(_PREFIX)).decode().partition(":")
    engine = getattr(importlib.import_module(module), attribute)
    return lambda: _Observed(engine())


class _Observed(Engine):
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def load(self, model: Model) -> None:
        self._engine.load(model)

    def generate(self, job: Job[Any]) -> Output:
        told: list[float] = []
        report = job.progress

        def progress(fraction: float, message: str | None = None) -> None:
            told.append(float(fraction))
            report(fraction, message)

        job.progress = progress  # type: ignore[method-assign]
        try:
            return self._engine.generate(job)
        finally:
            (job.scratch / OBSERVED_FILE).write_text(json.dumps(told), "utf-8")

    def unload(self) -> None:
        self._engine.unload()
