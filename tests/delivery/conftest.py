"""Outboxes with results in them, and a studio that takes them or does not."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from studio_worker_core.config import OutboxLimits
from studio_worker_core.delivery import Delivery, Settled
from studio_worker_core.errors import TransportError
from studio_worker_core.outbox import Entry, Outbox
from studio_worker_core.wire.frames import Claim
from studio_worker_core.wire.models import ModelSource
from studio_worker_core.wire.tasks import ChatMessage, ImageTask, LlmTask

SOURCE = ModelSource(engine="synthetic")


class Results:
    """Finishes jobs into an outbox."""

    def picture(
        self, outbox: Outbox, job_id: str = "job-1", size: int = 100, session: int | None = 1
    ) -> Entry:
        claim = Claim(
            job_id=job_id, model="m", task=ImageTask(prompt="p", ext="png"), model_source=SOURCE
        )
        draft = outbox.begin(claim, "worker-1", session)
        path = draft.directory / "result.png"
        path.write_bytes((b"\x89PNG\r\n\x1a\n" + job_id.encode()).ljust(size, b"\0"))
        return outbox.finish(draft, path)

    def answer(
        self,
        outbox: Outbox,
        job_id: str = "chat-1",
        session: int | None = 1,
        value: object = None,
        prompt: str = "hello",
    ) -> Entry:
        claim = Claim(
            job_id=job_id,
            model="m",
            task=LlmTask(messages=[ChatMessage(role="user", content=prompt)]),
            model_source=SOURCE,
        )
        draft = outbox.begin(claim, "worker-1", session)
        path = draft.directory / "result.json"
        path.write_bytes(msgspec.json.encode({"answer": job_id} if value is None else value))
        return outbox.finish(draft, path)


@pytest.fixture
def results() -> Results:
    return Results()


@pytest.fixture
def outbox(tmp_path: Path) -> Outbox:
    box = Outbox(tmp_path / "outbox", OutboxLimits)
    box.recover()
    return box


WAIT = 60.0


class Studio:
    """``/complete`` as the worker sees it; what each job's upload meets is set per job."""

    def __init__(self) -> None:
        self.got: list[str] = []
        self.attempts: list[str] = []
        self.faults: dict[str, Exception] = {}
        self.holding: set[str] = set()
        self.started = threading.Event()
        self.released = threading.Event()
        self.aborted = threading.Event()
        self.down = False

    def complete(self, entry: Entry, abort: Callable[[], bool]) -> None:
        self.attempts.append(entry.job_id)
        if self.down:
            raise TransportError("complete", "connection refused")
        fault = self.faults.get(entry.job_id)
        if fault is not None:
            raise fault
        if entry.job_id in self.holding:
            self.started.set()
            while not self.released.wait(0.005):
                if abort():
                    self.aborted.set()
                    raise TransportError("complete", "aborted")
        self.got.append(entry.job_id)


class FakeSession:
    def __init__(self, number: int) -> None:
        self.number = number
        self.frames: list[Any] = []
        self.sent = threading.Event()
        self.over = False

    def send(self, frame: Any, /) -> bool:
        if self.over:
            return False
        self.frames.append(frame)
        self.sent.set()
        return True


class Field:
    """One delivery with everything around it."""

    def __init__(self, outbox: Outbox) -> None:
        self.outbox = outbox
        self.studio = Studio()
        self.stop = threading.Event()
        self.settled: list[Settled] = []
        self.changed = threading.Condition()
        self.now = 0.0
        self.ours: bool | None = None
        self.delivery = self.new()

    def new(self, rescan_seconds: float = 3600.0, senders: int = 1) -> Delivery:
        return Delivery(
            self.outbox,
            [self.studio.complete] * senders,
            self.stop,
            is_ours=lambda _job: self.ours,
            on_settled=self.on_settled,
            clock=lambda: self.now,
            rescan_seconds=rescan_seconds,
        )

    def session(self, number: int) -> FakeSession:
        return FakeSession(number)

    def on_settled(self, settled: Settled) -> None:
        with self.changed:
            self.settled.append(settled)
            self.changed.notify_all()

    def wait_settled(self, count: int = 1) -> list[tuple[str, str]]:
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.settled) >= count, WAIT)
            return [(s.entry.job_id, s.outcome) for s in self.settled]

    def wake(self, resumed: frozenset[str] = frozenset(), number: int = 9) -> FakeSession:
        session = self.session(number)
        self.delivery.on_welcome(session, True, resumed)
        return session


@pytest.fixture
def field(outbox: Outbox) -> Iterator[Field]:
    made = Field(outbox)
    yield made
    made.stop.set()
    assert made.delivery.join(WAIT)
