"""The processes of a soak, and what can be done to them."""

from __future__ import annotations

import random
import threading
import uuid
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil

from studio_worker_core.errors import HttpStatusError
from tests.soak.clock import JumpingClock
from tests.soak.harm import harm_a_result
from tests.soak.plan import Action, JobPlan
from tests.soak.shelf import CHANGING_MODEL, ModelShelf
from tests.support.field import Field, fault_plugin_path
from tests.support.http_gateway import HttpGateway, Rule
from tests.support.operator import Operator
from tests.support.processes import WorkerProcess
from tests.support.tcp_proxy import FaultProxy
from tests.support.waiting import eventually

MARK = "STUDIO_WORKER_SOAK"
"""In the environment of every process of a soak, so that orphans are found."""

_SETTINGS = """\
shutdown_grace_seconds = 2.0
[limits]
load_seconds = 30.0
idle_seconds = 4.0
total_seconds = 60.0
crash_pause_seconds = 3.0
"""
_DAY = 86_400.0
_JUMPS = (-2 * _DAY, -3600.0, 0.0, 600.0, 2 * _DAY)
"""Seconds; below the days after which the studio lets go of old jobs and logs."""

_ENDED = ("done", "failed", "cancelled")


class Stage:
    """A studio and some workers, with a faulty network between them; a context manager.

    The way from a worker to the studio is an :class:`HttpGateway` (wrong answers), then a
    :class:`FaultProxy` (broken connections).
    """

    def __init__(self, root: Path, rng: random.Random, workers: int = 2) -> None:
        self.root = root
        self.mark = uuid.uuid4().hex
        self.jobs: dict[str, JobPlan] = {}
        """Every job the studio took, by id."""
        self.cancelled: set[str] = set()
        self.harmed: set[str] = set()
        """Jobs of which a finished result was purged or damaged."""
        self.ended_alone: list[str] = []
        """Workers that ended without being asked, with their last lines."""
        self.versions: dict[str, int] = {}
        """Jobs for the model that changes → the version it had when they were queued."""
        self._rng = rng
        self._count = workers
        self._open: set[str] = set()
        self._stack = ExitStack()
        self._pause = threading.Event()
        self._field = Field(root, self._stack)

    def __enter__(self) -> Self:
        with ExitStack() as undo:
            undo.push(self._stack)
            site = fault_plugin_path(self.root / "site")
            self._clock = self._stack.enter_context(JumpingClock(Path(site)))
            env = {MARK: self.mark, "PYTHONPATH": site, **self._clock.env}
            studio = self._field.start_studio(env=env)
            self._shelf = self._stack.enter_context(ModelShelf())
            self._change_model()
            self._proxy = self._stack.enter_context(FaultProxy(("127.0.0.1", studio.port)))
            self._gateway = self._stack.enter_context(HttpGateway(self._proxy.url))
            for number in range(self._count):
                settings = self._field.enrol() + _SETTINGS
                self._field.worker(
                    f"worker-{number}", url=self._gateway.url, settings=settings, env=env
                )
            eventually(
                "every worker is idle",
                lambda: (
                    [w["state"] for w in self.operator.listing("/workers")]
                    == ["idle"] * self._count
                ),
                timeout=60,
            )
            undo.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    @property
    def operator(self) -> Operator:
        """A client of the studio; it does not go through the faulty network."""
        return self._field.operator

    @property
    def studio(self) -> Any:
        """The studio's process."""
        return self._field.studio

    @property
    def workers(self) -> list[WorkerProcess]:
        """The workers' processes."""
        return self._field.workers

    def pause(self, seconds: float) -> None:
        """Let the processes do something."""
        self._pause.wait(seconds)

    # what can happen

    def submit(self, plan: JobPlan) -> str:
        """Queue a job."""
        job_id = str(self.operator.call("POST", "/jobs", plan.submission())["jobId"])
        self.jobs[job_id] = plan
        if plan.registered:
            self.versions[job_id] = self._shelf.version
        self._open.add(job_id)
        return job_id

    def act(self, action: Action) -> None:
        """Let a fault happen (everything but ``submit``)."""
        rng = self._rng
        worker = rng.choice(self.workers)
        match action:
            case "kill worker":
                worker.kill()
                self._come_back(worker)
            case "stop worker":
                worker.stop(timeout=60)
                self._come_back(worker)
            case "kill engine":
                self._kill_an_engine(worker)
            case "kill studio":
                self.studio.kill()
                self.pause(rng.uniform(0.0, 3.0))
                self.studio.start()
                self._proxy.target = ("127.0.0.1", self.studio.port)
            case "cancel":
                self._cancel()
            case "harm result":
                self._harm(worker)
            case "change model":
                self._change_model()
            case "jump clock":
                self._clock.set(rng.choice(_JUMPS))
            case _:
                self._disturb_network(action)

    def _disturb_network(self, action: Action) -> None:
        rng = self._rng
        match action:
            case "reset":
                self._proxy.reset()
            case "stall":
                self._proxy.stall()
                self.pause(rng.uniform(0.2, 3.0))
                self._proxy.resume()
            case "server errors":
                status = rng.choice((500, 502, 503))
                self._gateway.add(Rule("/complete", status=status, times=rng.randint(1, 4)))
            case "lost answer":
                self._gateway.add(Rule("/complete", status=502, after=True))

    def look_after_workers(self) -> None:
        """Start again what ended without being asked, and remember it."""
        for worker in self.workers:
            assert worker.process is not None
            code = worker.process.poll()
            if code is not None:
                last = "\n".join(worker.lines[-15:])
                self.ended_alone.append(f"{worker.config.parent.name}: exit {code}\n{last}")
                worker.start()

    def waiting(self) -> int:
        """How many jobs have not ended."""
        for job_id in list(self._open):
            if self.operator.job(job_id)["state"] in _ENDED:
                self._open.discard(job_id)
        return len(self._open)

    def settle(self, timeout: float) -> None:
        """Let every fault end, and wait (seconds) until every job and every result has."""
        self._gateway.forgive()
        self._proxy.resume()
        self._proxy.accept()

        def done() -> bool:
            self.look_after_workers()
            return self.waiting() == 0

        eventually("every job ended", done, timeout=timeout, interval=0.2)
        eventually(
            "every outbox is empty",
            lambda: not [p for w in self.workers for p in w.outbox.glob("jobs/*")],
            timeout=timeout,
            interval=0.2,
        )

    def _come_back(self, worker: WorkerProcess) -> None:
        self.pause(self._rng.uniform(0.0, 1.0))
        worker.start()

    def _kill_an_engine(self, worker: WorkerProcess) -> None:
        try:
            for process in worker.descendants():
                if "studio_worker_core.lanes.child" in process.cmdline():
                    process.kill()
        except psutil.Error:
            return  # it went by itself

    def _harm(self, worker: WorkerProcess) -> None:
        """Hold deliveries back until there is a result to harm, or for a moment."""
        self._gateway.add(Rule("/complete", status=503, times=3))
        for _ in range(20):
            job_id = harm_a_result(worker.outbox, self._rng)
            if job_id is not None:
                self.harmed.add(job_id)
                return
            self.pause(0.1)

    def _change_model(self) -> None:
        entry = self._shelf.change(self._rng)
        self.operator.call("PUT", f"/models/{CHANGING_MODEL}", entry)

    def _cancel(self) -> None:
        if not self._open:
            return
        job_id = self._rng.choice(sorted(self._open))
        try:
            self.operator.call("POST", f"/jobs/{job_id}/cancel")
        except HttpStatusError as error:
            if error.status != 409:  # it has ended meanwhile
                raise
        else:
            self.cancelled.add(job_id)
