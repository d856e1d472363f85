"""A desk and a job loop with real rooms around them; only the session and the work are ours."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct

from studio_worker_core.capabilities import build_capabilities
from studio_worker_core.config import Config, OutboxLimits
from studio_worker_core.delivery import Delivery
from studio_worker_core.engines.roster import Roster
from studio_worker_core.errors import JobCancelled
from studio_worker_core.gate import Gate
from studio_worker_core.host.facts import host_facts
from studio_worker_core.log_shipping import LogShipper
from studio_worker_core.outbox import Entry, Outbox
from studio_worker_core.wire.frames import Claim, Welcome
from studio_worker_core.wire.models import ModelSource
from studio_worker_core.wire.tasks import ImageTask
from studio_worker_core.worker.desk import Desk
from studio_worker_core.worker.held import HeldJob
from studio_worker_core.worker.running import JobLoop
from studio_worker_core.worker.status import StatusBoard

WAIT = 20.0


class Picture(Struct, frozen=True):
    path: Path
    ext: str


class FakeSession:
    """Records what the worker says; the studio is the test."""

    def __init__(self, number: int, features: frozenset[str] = frozenset({"resume"})) -> None:
        self.number = number
        self.features = features
        self.frames: list[Any] = []
        self.over = False
        self._changed = threading.Condition()

    def send(self, frame: Any) -> bool:
        with self._changed:
            if self.over:
                return False
            self.frames.append(frame)
            self._changed.notify_all()
            return True

    def wait_frame(self, kind: type) -> Any:
        def found() -> Any:
            return next((frame for frame in self.frames if isinstance(frame, kind)), None)

        with self._changed:
            assert self._changed.wait_for(lambda: found() is not None, WAIT), self.frames
            return found()


class Shop:
    """Desk, gate, delivery, outbox and job loop of one worker."""

    def __init__(self, root: Path) -> None:
        self.outbox = Outbox(root / "outbox", OutboxLimits)
        self.outbox.recover()
        self.gate = Gate()
        self.stop = threading.Event()
        self.board = StatusBoard()
        self.uploaded = threading.Event()
        self.may_upload = threading.Event()
        self.may_upload.set()
        self.not_taking: str | None = None
        self.too_large: str | None = None
        self.running = threading.Event()
        self.work: Callable[[HeldJob], Entry | None] = lambda held: None
        self.delivery = Delivery(self.outbox, self._upload, self.stop)
        self.jobs = JobLoop(
            self,  # type: ignore[arg-type]
            self.delivery,
            Roster([]),
            self.board,
            worker_id=lambda: "worker-1",
            prepare=lambda _claim: None,
        )
        capabilities = build_capabilities(
            Config(), host_facts(), Roster([]).offerings(), paused=False, presence=None
        )
        self.desk = Desk(
            capabilities=lambda: capabilities,
            not_taking=lambda: self.not_taking,
            admission=lambda _claim: self.too_large,
            gate=self.gate,
            delivery=self.delivery,
            logs=LogShipper(),
            start=self.jobs.start,
        )
        self.jobs.serve(self.desk)
        self._thread = threading.Thread(target=self.jobs.run)

    def open(self) -> None:
        self.delivery.start()
        self._thread.start()

    def close(self) -> None:
        self.may_upload.set()
        held = self.desk.held
        if held is not None:
            held.cancel.set()
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
        self.desk.on_welcome(session, Welcome("worker-1", "now", resume=list(resume)))  # type: ignore[arg-type]
        return session

    def claim(self, job_id: str = "job-1") -> Claim:
        source = ModelSource(engine="toy")
        return Claim(job_id=job_id, model="m", task=ImageTask(prompt="p"), model_source=source)

    # the runner

    def run(
        self, claim: Claim, *, worker_id: str, session_number: int | None, cancel: Any, report: Any
    ) -> Entry:
        report(0.5, "half")
        self.running.set()
        held = self.desk.held
        assert held is not None
        entry = self.work(held)
        if entry is not None:
            return entry
        draft = self.outbox.begin(claim, worker_id, session_number)
        path = draft.directory / "result.png"
        path.write_bytes(b"\x89PNG\r\n\x1a\npixels")
        return self.outbox.finish(draft, Picture(path, "png"))

    @staticmethod
    def until_cancelled(held: HeldJob) -> None:
        """Work that only ends when it is told to."""
        assert held.cancel.wait(WAIT)
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
