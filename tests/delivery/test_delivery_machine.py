"""A studio with faults, a worker that crashes at any step: every result is delivered or
refused, none is lost, and the studio never sees a frame about a job it gave away."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from msgspec import Struct

from studio_worker_core.config import OutboxLimits
from studio_worker_core.delivery.books import Books, Item
from studio_worker_core.delivery.letters import (
    Acked,
    Acknowledge,
    Due,
    Failed,
    NoteFailure,
    Refuse,
    SendJson,
    SessionView,
    Upload,
    Uploaded,
)
from studio_worker_core.outbox import Outbox
from studio_worker_core.wire.frames import Claim
from studio_worker_core.wire.models import ModelSource
from studio_worker_core.wire.tasks import ImageTask, LlmTask


class _File(Struct):
    path: Path
    ext: str


class _Json(Struct):
    value: object


class Studio:
    """What the studio of protocol.md does with results: leases, acks, violations."""

    def __init__(self) -> None:
        self.held: set[str] = set()
        self.done: dict[str, int] = {}
        self.session = 0

    def complete(self, job: str) -> int:
        if job in self.done:
            return 200  # the same digest again
        if job not in self.held:
            return 409
        self.finish(job)
        return 204

    def complete_json(self, job: str, session: int) -> bool:
        assert session == self.session, "a frame on a session that is over"
        assert job in self.held, f"protocol violation: {job} is not held"
        self.finish(job)
        return True

    def finish(self, job: str) -> None:
        self.held.discard(job)
        self.done[job] = self.done.get(job, 0) + 1


class DeliveryMachine(RuleBasedStateMachine):
    @initialize()
    def start(self) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="delivery-"))
        self.studio = Studio()
        self.now = 0.0
        self.jobs: list[str] = []
        self.finished: set[str] = set()
        self.sessions = 0
        self.open()

    def teardown(self) -> None:
        if hasattr(self, "root"):
            self.everything_settles_in_the_end()
            shutil.rmtree(self.root)

    def open(self) -> None:
        """A fresh process on the same directory."""
        self.outbox = Outbox(self.root, OutboxLimits)
        self.outbox.recover()
        self.books = Books(self.outbox.boot)
        for entry in self.outbox.pending():
            self.books.take_in(entry, self.now)
        self.uploading: Item | None = None
        self.frames: list[str] = []
        self.acks: list[str] = []

    @property
    def connected(self) -> bool:
        return self.books.view is not None

    # the worker

    @precondition(lambda self: self.connected)
    @rule(is_json=st.booleans(), submits=st.booleans())
    def job(self, is_json: bool, submits: bool) -> None:
        """A job is claimed and done; the process may die before it is handed in."""
        name = f"job-{len(self.jobs)}"
        self.jobs.append(name)
        self.studio.held.add(name)
        claim = Claim(
            job_id=name,
            model="m",
            task=LlmTask(messages=[]) if is_json else ImageTask(prompt="p"),
            model_source=ModelSource(engine="e"),
        )
        draft = self.outbox.begin(claim, "w", self.studio.session)
        path = draft.directory / "result.png"
        if not is_json:
            path.write_bytes(b"\x89PNG\r\n\x1a\n" + name.encode())
        entry = self.outbox.finish(draft, _Json({}) if is_json else _File(path, "png"))
        self.finished.add(name)
        if submits:
            self.books.take_in(entry, self.now)

    @rule()
    def turn(self) -> None:
        item = self.books.next_due(self.now, may_upload=self.uploading is None)
        if item is not None and not item.effects:
            self.books.tell(item, Due(self.books.view), self.now)
            if Upload() in item.effects:
                item.effects.remove(Upload())
                self.uploading = item

    @rule()
    def carry_out(self) -> None:
        item = self.books.next_with_effects()
        effect = item.take_effect() if item is not None else None
        if item is None or effect is None:
            return
        match effect:
            case SendJson(session=number):
                if number == self.studio.session and self.connected:
                    self.frames.append(item.letter.job_id)
                else:
                    self.books.tell(item, Failed("over", 0.5), self.now)
            case Acknowledge():
                self.outbox.acknowledge(item.entry)
                self.books.drop(item)
            case Refuse(reason=reason, status=status):
                self.outbox.refuse(item.entry, reason, status)
                self.books.drop(item)
            case NoteFailure(message=message):
                noted = self.outbox.note_failure(item.entry, message)
                assert noted is not None
                item.entry = noted

    @rule()
    def rescan(self) -> None:
        self.books.compare(self.books.items(), self.outbox.pending(), self.now)

    @rule(seconds=st.sampled_from([0.5, 5.0, 400.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    # the world

    @precondition(lambda self: self.uploading is not None)
    @rule(
        fate=st.sampled_from(
            ["arrives", "arrives", "answer lost", "reset", "500", "401", "429", "stopped"]
        )
    )
    def upload_ends(self, fate: str) -> None:
        item = self.uploading
        assert item is not None
        self.uploading = None
        status: int | None = int(fate) if fate.isdigit() else None
        if fate in ("arrives", "answer lost"):
            status = self.studio.complete(item.letter.job_id)
        if fate == "arrives" and status is not None and status < 300:
            self.books.tell(item, Uploaded(), self.now)
        elif fate == "answer lost":
            self.books.tell(item, Failed("reset", 0.3), self.now)
        else:
            failed = Failed(fate, 0.3, status, aborted=fate == "stopped")
            self.books.tell(item, failed, self.now)

    @precondition(lambda self: self.frames)
    @rule()
    def frame_arrives(self) -> None:
        job = self.frames.pop(0)
        self.studio.complete_json(job, self.studio.session)
        self.acks.append(job)

    @precondition(lambda self: self.acks)
    @rule()
    def ack_arrives(self) -> None:
        for item in self.books.of_job(self.acks.pop(0)):
            self.books.tell(item, Acked(), self.now)

    @precondition(lambda self: self.connected)
    @rule()
    def session_drops(self) -> None:
        self.frames.clear()
        self.acks.clear()
        self.books.closed(self.studio.session, self.now)

    @precondition(lambda self: not self.connected)
    @rule()
    def leases_expire(self) -> None:
        self.studio.held.clear()

    @precondition(lambda self: not self.connected)
    @rule(knows_resume=st.booleans())
    def welcome(self, knows_resume: bool) -> None:
        self.sessions += 1
        self.studio.session = self.sessions
        if not knows_resume:
            self.studio.held.clear()
        self.books.welcome(SessionView(self.sessions, frozenset(self.studio.held)), self.now)

    @rule()
    def crash(self) -> None:
        self.open()

    # what must hold

    @invariant()
    def no_result_is_lost(self) -> None:
        if not hasattr(self, "books"):
            return
        waiting = {entry.job_id for entry in self.outbox.pending()}
        refused = {entry.job_id for entry in self.outbox.refused()}
        assert self.finished <= waiting | refused | self.studio.done.keys()
        assert not waiting & refused
        assert all(times == 1 for times in self.studio.done.values())

    def everything_settles_in_the_end(self) -> None:
        self.rescan()
        if self.connected:
            self.session_drops()
        self.welcome(knows_resume=True)
        for _ in range(20 * (len(self.jobs) + 1)):
            self.now += 400.0
            self.turn()
            self.carry_out()
            if self.uploading is not None:
                self.upload_ends("arrives")
            if self.frames:
                self.frame_arrives()
            if self.acks:
                self.ack_arrives()
        assert self.outbox.pending() == []
        assert len(self.books) == 0
        refused = {entry.job_id for entry in self.outbox.refused()}
        assert self.finished == refused | (self.studio.done.keys() & self.finished)


DeliveryMachine.TestCase.settings = settings(
    max_examples=50,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
test_every_result_is_delivered_or_refused_whatever_fails = DeliveryMachine.TestCase
