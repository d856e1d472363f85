"""A studio with faults, a worker that crashes at any step: every result is delivered or
refused, none is lost, and the studio never sees a frame about a job it gave away."""

from __future__ import annotations

import shutil
import tempfile
import threading
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from studio_worker_core.config import OutboxLimits
from studio_worker_core.delivery.queue import Queue
from studio_worker_core.delivery.queued import QueuedResult
from studio_worker_core.delivery.states import (
    Acknowledge,
    DeliveryPhase,
    NoteFailure,
    Refuse,
    SendFailed,
    SendJson,
    SessionView,
    Uploaded,
)
from studio_worker_core.outbox import Outbox
from studio_worker_core.wire.frames import Claim
from studio_worker_core.wire.models import ModelSource
from studio_worker_core.wire.tasks import ImageTask, LlmTask

SENDERS = 2


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


class AnyHistory(RuleBasedStateMachine):
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
        self.queue = Queue(self.outbox.boot, lambda: self.now, senders=SENDERS)
        for entry in self.outbox.pending():
            self.queue.take_in(entry)
        self.uploading: list[QueuedResult] = []
        self.frames: list[str] = []
        self.acks: list[str] = []

    @property
    def connected(self) -> bool:
        return self.queue.view is not None

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
        path = draft.directory / ("result.json" if is_json else "result.png")
        path.write_bytes(b"{}" if is_json else b"\x89PNG\r\n\x1a\n" + name.encode())
        entry = self.outbox.finish(draft, path)
        self.finished.add(name)
        if submits:
            self.queue.take_in(entry)

    @rule()
    def turn(self) -> None:
        result = self.queue.next_due()
        if result is not None and not result.effects:
            self.queue.give_turn(result)
            if result.state.phase is DeliveryPhase.UPLOADING:
                taken = self.queue.wait_for_upload(threading.Event())
                assert taken is result
                self.uploading.append(result)

    @rule()
    def carry_out(self) -> None:
        decided = self.queue.next_effect()
        if decided is None:
            return
        result, effect = decided
        match effect:
            case SendJson(session=number):
                if number == self.studio.session and self.connected:
                    self.frames.append(result.state.job_id)
                else:
                    self.queue.tell(result, SendFailed("over", 0.5))
            case Acknowledge():
                self.outbox.acknowledge(result.entry)
                self.queue.drop(result)
            case Refuse(reason=reason, status=status):
                self.outbox.refuse(result.entry, reason, status)
                self.queue.drop(result)
            case NoteFailure(message=message):
                noted = self.outbox.note_failure(result.entry, message)
                assert noted is not None
                result.entry = noted

    @rule()
    def rescan(self) -> None:
        self.queue.compare(self.queue.results(), self.outbox.pending())

    @rule(seconds=st.sampled_from([0.5, 5.0, 400.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    # the world

    @precondition(lambda self: self.uploading)
    @rule(
        fate=st.sampled_from(
            ["arrives", "arrives", "answer lost", "reset", "500", "401", "429", "stopped"]
        ),
        which=st.integers(0, SENDERS - 1),
    )
    def upload_ends(self, fate: str, which: int = 0) -> None:
        result = self.uploading.pop(which % len(self.uploading))
        status: int | None = int(fate) if fate.isdigit() else None
        if fate in ("arrives", "answer lost"):
            status = self.studio.complete(result.state.job_id)
        if fate == "arrives" and status is not None and status < 300:
            self.queue.upload_ended(result, Uploaded())
        elif fate == "answer lost":
            self.queue.upload_ended(result, SendFailed("reset", 0.3))
        else:
            failed = SendFailed(fate, 0.3, status, aborted=fate == "stopped")
            self.queue.upload_ended(result, failed)

    @precondition(lambda self: self.frames)
    @rule()
    def frame_arrives(self) -> None:
        job = self.frames.pop(0)
        self.studio.complete_json(job, self.studio.session)
        self.acks.append(job)

    @precondition(lambda self: self.acks)
    @rule()
    def ack_arrives(self) -> None:
        self.queue.acknowledged(self.acks.pop(0))

    @precondition(lambda self: self.connected)
    @rule()
    def session_drops(self) -> None:
        self.frames.clear()
        self.acks.clear()
        self.queue.closed(self.studio.session)

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
        self.queue.welcome(None, SessionView(self.sessions, frozenset(self.studio.held)))

    @rule()
    def crash(self) -> None:
        self.open()

    # what must hold

    @invariant()
    def no_result_is_lost(self) -> None:
        if not hasattr(self, "queue"):
            return
        waiting = {entry.job_id for entry in self.outbox.pending()}
        refused = {entry.job_id for entry in self.outbox.refused()}
        assert self.finished <= waiting | refused | self.studio.done.keys()
        assert not waiting & refused
        assert self.queue.pending_count() == len(self.queue.pending_ids())
        assert all(times == 1 for times in self.studio.done.values())

    @invariant()
    def no_more_are_on_their_way_than_there_are_senders(self) -> None:
        if hasattr(self, "uploading"):
            jobs = [result.state.job_id for result in self.uploading]
            assert len(jobs) <= SENDERS
            assert len(set(jobs)) == len(jobs)
            assert sum(result.state.has_failed for result in self.uploading) < SENDERS

    def everything_settles_in_the_end(self) -> None:
        self.rescan()
        if self.connected:
            self.session_drops()
        self.welcome(knows_resume=True)
        for _ in range(20 * (len(self.jobs) + 1)):
            self.now += 400.0
            self.turn()
            self.carry_out()
            if self.uploading:
                self.upload_ends("arrives")
            if self.frames:
                self.frame_arrives()
            if self.acks:
                self.ack_arrives()
        assert self.outbox.pending() == []
        assert len(self.queue) == 0
        refused = {entry.job_id for entry in self.outbox.refused()}
        assert self.finished == refused | (self.studio.done.keys() & self.finished)


AnyHistory.TestCase.settings = settings(
    max_examples=50,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
test_every_result_is_delivered_or_refused_whatever_fails = AnyHistory.TestCase
