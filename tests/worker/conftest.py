"""The studio as a source of jobs, with what it works with; only session and work are ours."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import pytest

from studio_worker_core.capabilities import build_capabilities
from studio_worker_core.config import Config, OutboxLimits
from studio_worker_core.delivery import Delivery
from studio_worker_core.errors import JobCancelled
from studio_worker_core.host.facts import host_facts
from studio_worker_core.jobs.job import Job, StopReason
from studio_worker_core.jobs.keeping import Keeper, OutboxKeeper
from studio_worker_core.jobs.leases import Leases
from studio_worker_core.jobs.service import JobService
from studio_worker_core.jobs.slots import Slot, Slots
from studio_worker_core.lanes.live import NOBODY, LiveOutput
from studio_worker_core.lanes.request import OnProgress
from studio_worker_core.lanes.results import Result
from studio_worker_core.outbox import Entry, Outbox
from studio_worker_core.roster.roster import Roster
from studio_worker_core.session import JobFrame
from studio_worker_core.session.log_shipping import LogShipper
from studio_worker_core.wire.frames import Claim, Welcome
from studio_worker_core.wire.generation import GenerationMeta
from studio_worker_core.wire.models import ModelSource
from studio_worker_core.wire.tasks import ImageTask
from studio_worker_core.worker.status import ShownOnBoard, StatusBoard
from studio_worker_core.worker.studio import Studio

WAIT = 60.0


MADE = GenerationMeta(engine="toy", seed=5)

T = TypeVar("T")


class FakeSession:
    """Records what the worker says; the studio is the test."""

    def __init__(self, number: int, features: frozenset[str] = frozenset({"resume"})) -> None:
        self.number = number
        self.features = features
        self.frames: list[JobFrame] = []
        self.over = False
        self._changed = threading.Condition()

    def send(self, frame: JobFrame) -> bool:
        with self._changed:
            if self.over:
                return False
            self.frames.append(frame)
            self._changed.notify_all()
            return True

    def wait_frame(self, kind: type[T]) -> T:
        def found() -> T | None:
            return next((frame for frame in self.frames if isinstance(frame, kind)), None)

        with self._changed:
            self._changed.wait_for(lambda: found() is not None, WAIT)
            frame = found()
        assert frame is not None, self.frames
        return frame


class Shop:
    """Slots, leases, jobs, delivery and outbox of one worker, and its studio."""

    def __init__(self, root: Path) -> None:
        self.outbox = Outbox(root / "outbox", OutboxLimits)
        self.outbox.recover()
        self.slots = Slots()
        self.leases: Leases[Any] = Leases()
        self.stop = threading.Event()
        self.board = StatusBoard()
        self.uploaded = threading.Event()
        self.may_upload = threading.Event()
        self.may_upload.set()
        self.not_taking: str | None = None
        self.too_large: str | None = None
        self.running = threading.Event()
        self.entries: list[Entry] = []
        self.work: Callable[[Job], None] = lambda job: None
        self.delivery = Delivery(self.outbox, [self._upload], self.stop)
        self.jobs = JobService(
            self,  # type: ignore[arg-type]
            self.slots,
            watchers=[ShownOnBoard(self.board, lambda: len(self.delivery.pending_ids()))],
        )
        capabilities = build_capabilities(
            Config(), host_facts(), Roster([]).offerings(), paused=False, presence=None
        )
        self.studio = Studio(
            capabilities=lambda: capabilities,
            not_taking=lambda: self.not_taking,
            admission=lambda _job: self.too_large,
            slots=self.slots,
            leases=self.leases,
            jobs=self.jobs,
            keeper=partial(OutboxKeeper, self.outbox, lambda: "worker-1"),
            delivery=self.delivery,
            logs=LogShipper(),
        )
        self._thread = threading.Thread(target=self.jobs.run)

    def open(self) -> None:
        self.delivery.start()
        self._thread.start()

    def close(self) -> None:
        self.may_upload.set()
        for job in self.slots.jobs():
            job.stop(StopReason.SHUTDOWN)
        self.finish()
        assert not self._thread.is_alive()
        self.stop.set()
        assert self.delivery.join(WAIT)

    def finish(self) -> None:
        """Let the job thread end after what it has."""
        self.jobs.finish()
        self._thread.join(WAIT)

    def session(self, number: int, *, resume: tuple[str, ...] = (), **options: Any) -> FakeSession:
        """A welcomed session."""
        session = FakeSession(number, **options)
        self.studio.on_welcome(session, Welcome("worker-1", "now", resume=list(resume)))
        return session

    def claim(self, job_id: str = "job-1") -> Claim:
        source = ModelSource(engine="toy")
        return Claim(job_id=job_id, model="m", task=ImageTask(prompt="p"), model_source=source)

    @property
    def job(self) -> Job:
        """The job that runs."""
        (job,) = self.slots.jobs()
        return job

    def speaker(self) -> FakeSession | None:
        """The session that may speak of the job that was accepted first."""
        return self.leases.session_for(1)

    # the runner

    def run(
        self,
        job: Job,
        keeper: Keeper[Entry],
        report: OnProgress,
        slot: Slot,
        live: LiveOutput = NOBODY,
    ) -> Entry:
        report(0.5, "half")
        self.running.set()
        self.work(job)
        place = keeper.begin(job)
        path = place.directory / "result.png"
        path.write_bytes(b"\x89PNG\r\n\x1a\npixels")
        self.entries.append(keeper.keep(Result(path, MADE), None))
        return self.entries[-1]

    @staticmethod
    def until_cancelled(job: Job) -> None:
        """Work that only ends when it is told to."""
        assert job.cancel.wait(WAIT)
        raise JobCancelled("cancelled")

    def _upload(self, entry: Entry, abort: Callable[[], bool]) -> None:
        assert self.may_upload.wait(WAIT)
        self.uploaded.set()


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    shop = Shop(tmp_path)
    shop.open()
    yield shop
    shop.close()
