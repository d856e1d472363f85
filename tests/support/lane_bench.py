"""A bench for engines: jobs in real lanes, with limits that can be changed meanwhile."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from studio_worker_core.config import Limits
from studio_worker_core.lanes.live import NOBODY, LiveOutput
from studio_worker_core.lanes.pool import Lanes
from studio_worker_core.lanes.request import LaneRequest
from studio_worker_core.lanes.results import Result
from studio_worker_core.plugin import ImageTask, Model, Task
from studio_worker_core.roster.roster import RosterEntry
from tests.support.fault_plugin import fault_entry


def answer_of(result: Result) -> Any:
    """The JSON answer of a job."""
    assert result.is_json
    return msgspec.json.decode(result.path.read_bytes())


class LaneBench:
    """Runs jobs in real engine processes, of the fault engine if no other is named, and
    remembers what was heard. Close its ``lanes`` at the end.

    :param root: an empty directory; each job gets one of its own in it.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.limits = Limits()
        self.lanes = Lanes(lambda: self.limits)
        self.entry = fault_entry()
        self.cancel = threading.Event()
        self.progress: list[tuple[float, str | None]] = []
        self.logs: list[str] = []
        self.on_progress: Callable[[], None] = lambda: None
        self._numbers = itertools.count()

    def request(
        self,
        task: Task,
        *,
        model: str = "fault",
        entry: RosterEntry | None = None,
        inputs: Mapping[str, Path] | None = None,
        slot: str = "0",
        environment: Mapping[str, str] | None = None,
    ) -> LaneRequest:
        """A request with fresh directories of its own."""
        directory = self.root / f"job-{next(self._numbers)}"
        scratch = directory / "scratch"
        scratch.mkdir(parents=True)
        return LaneRequest(
            job_id=directory.name,
            entry=entry or self.entry,
            model=Model(model),
            task=task,
            inputs=inputs or {},
            directory=directory,
            scratch=scratch,
            slot=slot,
            environment=environment or {},
        )

    def run(
        self,
        task: Task | str,
        *,
        model: str = "fault",
        entry: RosterEntry | None = None,
        inputs: Mapping[str, Path] | None = None,
    ) -> Result:
        """Run a task; a text is the prompt of a small picture."""
        if isinstance(task, str):
            task = ImageTask(prompt=task, width=8, height=8, seed=1)
        return self.do(self.request(task, model=model, entry=entry, inputs=inputs))

    def do(self, request: LaneRequest, live: LiveOutput = NOBODY) -> Result:
        """Do a job as it was asked for."""
        return self.lanes.run(
            request,
            cancel=self.cancel,
            on_progress=self._heard_progress,
            on_log=lambda level, line: self.logs.append(f"{level}: {line}"),
            live=live,
        )

    def pid(self) -> int:
        """Process id of the one lane there is."""
        (lane,) = self.lanes.status()
        return lane.pid

    def _heard_progress(self, fraction: float, message: str | None) -> None:
        self.progress.append((fraction, message))
        self.on_progress()
