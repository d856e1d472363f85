"""Everything a job runner needs, with stand-ins for engines and downloads."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

import pytest

from studio_worker_core.config import OutboxLimits
from studio_worker_core.jobs.job import Job, Source
from studio_worker_core.jobs.keeping import OutboxKeeper
from studio_worker_core.jobs.leases import Lease
from studio_worker_core.jobs.runner import JobRunner
from studio_worker_core.jobs.slots import ANY_SLOT, Slot
from studio_worker_core.lanes.live import NOBODY, LiveOutput
from studio_worker_core.lanes.request import LaneRequest, OnLog, OnProgress
from studio_worker_core.lanes.results import Result
from studio_worker_core.outbox import Entry, Outbox
from studio_worker_core.plugin import EngineSpec
from studio_worker_core.roster.roster import Roster, RosterEntry
from studio_worker_core.wire.models import CliDefaults, ModelFile, ModelSource
from studio_worker_core.wire.tasks import (
    AudioSttTask,
    AudioTtsTask,
    ImageTask,
    LlmTask,
    Task,
    TaskKind,
    VideoTask,
)

PNG = b"\x89PNG\r\n\x1a\npixels"


class Bench:
    """A runner, and what its lanes, store and fetcher are told to do."""

    def __init__(self, root: Path) -> None:
        self.outbox = Outbox(root / "outbox", OutboxLimits)
        self.outbox.recover()
        self.reports: list[tuple[float, str | None]] = []
        self.requests: list[LaneRequest] = []
        self.asked_models: list[str] = []
        self.engine: Callable[[LaneRequest, threading.Event], Result] = draw
        self.fault_in_models: BaseException | None = None
        self.fault_in_inputs: BaseException | None = None
        models = {
            TaskKind.IMAGE: ("paint", "toy:*"),
            TaskKind.LLM: ("chat",),
            TaskKind.MESH: ("paint",),
        }
        spec = EngineSpec(name="toy", models=models, factory="toy:Engine")
        self.roster = Roster(
            [
                RosterEntry(
                    engine="toy",
                    distribution="toy-plugin",
                    version="1",
                    state="ready",
                    kinds=spec.kinds,
                    models=models,
                    extensions={"png": "image/png", "splat": "model/x-splat"},
                    spec=spec,
                ),
                RosterEntry(
                    engine="sad",
                    distribution="sad-plugin",
                    version="2",
                    state="broken",
                    reason="cannot import numpy",
                    remedy="pip install numpy",
                ),
            ]
        )
        self.runner = JobRunner(self.roster, self, self, _Inputs(self))

    # the lanes

    def run(
        self,
        request: LaneRequest,
        *,
        cancel: threading.Event,
        on_progress: OnProgress,
        on_log: OnLog,
        live: LiveOutput = NOBODY,
    ) -> Result:
        self.requests.append(request)
        on_log("info", "hello from the engine")
        on_progress(0.5, "half")
        on_progress(1.0, None)
        return self.engine(request, cancel)

    # the model store

    def ensure(
        self,
        source: ModelSource,
        model: str,
        *,
        on_progress: Callable[[float, str], None] | None = None,
        cancel: threading.Event | None = None,
    ) -> Mapping[str, tuple[Path, ...]]:
        self.asked_models.append(model)
        if self.fault_in_models is not None:
            raise self.fault_in_models
        assert on_progress is not None
        on_progress(0.5, "model.bin")
        on_progress(1.0, "model.bin")
        return {"model": (Path("model.bin"),)}

    def do(
        self,
        job: Job,
        session: int | None = 1,
        *,
        with_meta: bool = False,
        slot: Slot = ANY_SLOT,
    ) -> Entry:
        lease = Lease(1, job.job_id, session, with_meta)
        return self.runner.run(
            job,
            OutboxKeeper(self.outbox, lambda: "worker-1", lambda: lease),
            lambda fraction, message: self.reports.append((fraction, message)),
            slot,
        )

    def job(
        self,
        task: Task | None = None,
        *,
        engine: str = "toy",
        model: str = "paint",
        files: bool = False,
        inputs: Mapping[str, Path] | None = None,
    ) -> Job:
        wanted = [ModelFile(role="model", url="https://x/y", filename="model.bin")] if files else []
        return Job(
            "job-1",
            Source.STUDIO,
            model=model,
            task=task or ImageTask(prompt="a castle", ext="png"),
            model_source=ModelSource(
                engine=engine, files=wanted, cli_defaults=CliDefaults(steps=7)
            ),
            inputs=inputs,
        )

    chat = LlmTask(messages=[])
    speech = AudioTtsTask(text="hi")
    film = VideoTask(prompt="p")
    listen = AudioSttTask(input_url="https://x/y.wav")


class _Inputs:
    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    def fetch(
        self,
        task: Task,
        into: Path,
        *,
        given: Collection[str] = (),
        cancel: threading.Event | None = None,
    ) -> Mapping[str, Path]:
        if self._bench.fault_in_inputs is not None:
            raise self._bench.fault_in_inputs
        if "init_image" in given:
            return {}
        into.mkdir()
        path = into / "init_image.png"
        path.write_bytes(PNG)
        return {"init_image": path}


def draw(request: LaneRequest, cancel: threading.Event) -> Result:
    if isinstance(request.task, LlmTask):
        path = request.directory / "result.json"
        path.write_bytes(b'{"answer":42}')
        return Result(path)
    path = request.directory / "result.png"
    path.write_bytes(PNG)
    return Result(path)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)
