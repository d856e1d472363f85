"""The queue under any sequence of events: no double claims, every job ends exactly once."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from plugins.studio.tests.store.conftest import DATABASES, place_in
from plugins.studio.tests.store.records import claim_next
from studio_worker_core.secrets import Secret
from studio_worker_core.wire.models import ModelSource
from studio_worker_core.wire.tasks import ChatMessage, ImageTask, LlmTask, TaskKind
from studio_worker_studio.dispatch import Lane, Wanted
from studio_worker_studio.settings import Settings
from studio_worker_studio.shapes import Shape
from studio_worker_studio.store.opening import open_store
from studio_worker_studio.store.records import JobRecord, JobState, NewJob, Receipt, StoredFile

WORKERS = ("w1", "w2", "w3")
KINDS = (TaskKind.IMAGE, TaskKind.LLM)
ENDED = (JobState.DONE, JobState.FAILED, JobState.CANCELLED)

T = TypeVar("T")


class Queue(RuleBasedStateMachine):
    """Compares the store with a model of it: who holds what, under which claim."""

    jobs = Bundle("jobs")

    def __init__(self, place: Secret | None) -> None:
        super().__init__()
        self.directory = tempfile.TemporaryDirectory()
        self.loop = asyncio.new_event_loop()
        self.settings = Settings(data=Path(self.directory.name), postgres=place)
        self.opened = open_store(self.settings)
        self.store = self.opened.jobs
        self.now = 1000.0
        self.held: dict[str, tuple[str, int]] = {}
        self.endings: dict[str, int] = {}
        self.made: dict[str, int] = {}

    def teardown(self) -> None:
        self.opened.close()
        self.loop.close()
        self.directory.cleanup()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    def known(self, job_id: str) -> JobRecord:
        found = self.run(self.store.get(job_id))
        assert found is not None
        return found

    def ended(self, job_id: str) -> None:
        self.held.pop(job_id, None)
        self.endings[job_id] += 1
        assert self.endings[job_id] == 1, f"{job_id} ended twice"

    @rule(
        target=jobs,
        kind=st.sampled_from(KINDS),
        priority=st.integers(0, 2),
        attempts=st.integers(1, 3),
    )
    def submit(self, kind: TaskKind, priority: int, attempts: int) -> str:
        job_id = f"job-{len(self.made)}"
        self.made[job_id] = attempts
        self.endings[job_id] = 0
        task = (
            ImageTask(prompt="p")
            if kind is TaskKind.IMAGE
            else LlmTask(messages=[ChatMessage("user", "x")])
        )
        source = ModelSource(engine="synthetic")
        job = NewJob(job_id, "m", task, source, priority=priority, max_attempts=attempts)
        assert self.run(self.store.add(job, self.now)).state is JobState.QUEUED
        return job_id

    @rule(worker=st.sampled_from(WORKERS), kinds=st.sets(st.sampled_from(KINDS), min_size=1))
    def claim(self, worker: str, kinds: set[TaskKind]) -> None:
        waiting = [
            job
            for job in self.run(self.store.page(JobState.QUEUED, None, 1000))
            if job.kind in kinds
        ]
        lanes = frozenset(Lane(kind, "synthetic", Shape.EXISTING) for kind in kinds)
        job = self.run(claim_next(self.store, Wanted(lanes, vram_gb=1.0), worker, self.now))
        if not waiting:
            assert job is None
            return
        assert job is not None
        best = min(waiting, key=lambda other: (-other.priority, other.id))
        assert job.job_id == best.job_id
        assert job.job_id not in self.held, "claimed twice"
        self.held[job.job_id] = (worker, job.claims)

    @rule(job_id=jobs, worker=st.sampled_from(WORKERS), stale=st.booleans())
    def deliver(self, job_id: str, worker: str, stale: bool) -> None:
        before = self.known(job_id)
        holder, claims = self.held.get(job_id, ("", before.claims))
        kept: list[str] = []
        if before.kind is TaskKind.IMAGE:
            outcome = self.run(
                self.store.finish_file(
                    job_id,
                    worker,
                    claims - 1 if stale else claims,
                    StoredFile("png", "image/png", 1, "d" * 64),
                    None,
                    self.now,
                    lambda: kept.append(job_id),
                )
            )
            assert bool(kept) == (outcome is Receipt.DONE)
        else:
            outcome = self.run(
                self.store.finish_json(
                    job_id, worker, claims - 1 if stale else claims, b"1", "d" * 64, None, self.now
                )
            )
        mine = before.worker_id == worker
        if before.state is JobState.DONE and mine:
            assert outcome is Receipt.REPEATED
        elif holder == worker and not stale:
            assert outcome is Receipt.DONE
            self.ended(job_id)
        else:
            assert outcome is Receipt.NOT_HELD

    @rule(job_id=jobs, retryable=st.booleans(), stale=st.booleans())
    def fail(self, job_id: str, retryable: bool, stale: bool) -> None:
        before = self.known(job_id)
        claims = before.claims - 1 if stale else before.claims
        after = self.run(self.store.fail(job_id, claims, "e", retryable=retryable, now=self.now))
        assert (after is not None) == (job_id in self.held and not stale)
        if after is None:
            return
        if after.state is JobState.QUEUED:
            assert retryable
            assert after.attempts == before.attempts + 1 < after.max_attempts
            self.held.pop(job_id)
        else:
            self.ended(job_id)

    @rule(job_id=jobs, counted=st.booleans())
    def release(self, job_id: str, counted: bool) -> None:
        before = self.known(job_id)
        release = self.store.release(job_id, before.claims, counted=counted, now=self.now)
        after = self.run(release)
        assert (after is not None) == (job_id in self.held)
        if after is None:
            return
        self.held.pop(job_id)
        if after.state is JobState.CANCELLED:
            assert before.cancel_requested
        else:
            assert after.attempts == before.attempts + counted
        if after.state is JobState.FAILED:
            assert counted
            assert after.attempts == after.max_attempts
        if after.state in ENDED:
            self.ended(job_id)

    @rule(worker=st.sampled_from(WORKERS), data=st.data())
    def come_back(self, worker: str, data: st.DataObject) -> None:
        some = st.sets(st.sampled_from(sorted(self.made))) if self.made else st.just(set())
        unfinished, orphaned = data.draw(some), data.draw(some)
        kept, _, dropped = self.run(self.store.resume(worker, unfinished, orphaned, self.now))
        for job in dropped:
            assert self.held.pop(job.job_id)[0] == worker
            assert job.job_id not in unfinished
            if job.state in ENDED:
                self.ended(job.job_id)
        for job in kept:
            assert job.job_id in unfinished
            assert self.held.get(job.job_id, (worker, 0))[0] == worker, "taken from another"
            self.held[job.job_id] = (worker, job.claims)

    @rule(job_id=jobs, ask=st.booleans())
    def cancel(self, job_id: str, ask: bool) -> None:
        before = self.known(job_id)
        after = self.run(self.store.cancel(job_id, ask=ask, now=self.now))
        assert (after is None) == (before.state in ENDED)
        if after is not None and after.state is JobState.CANCELLED:
            self.ended(job_id)

    @rule(job_id=jobs)
    def retry(self, job_id: str) -> None:
        before = self.known(job_id)
        after = self.run(self.store.retry(job_id, self.now))
        again = before.state in (JobState.FAILED, JobState.CANCELLED)
        assert (after is not None) == again
        if again:
            self.endings[job_id] = 0

    @rule(target=jobs)
    def restart(self) -> MultipleResults[str]:
        self.opened.close()
        self.opened = open_store(self.settings)
        self.store = self.opened.jobs
        return multiple()

    @invariant()
    def the_store_and_the_model_agree(self) -> None:
        found = self.run(self.store.page(None, None, 1000))
        claimed = {
            job.job_id: (job.worker_id, job.claims)
            for job in found
            if job.state is JobState.CLAIMED
        }
        assert claimed == self.held
        assert {job.job_id for job in found if job.state in ENDED} == {
            job_id for job_id, times in self.endings.items() if times == 1
        }
        assert len(found) == len(self.made)


HISTORIES = settings(
    max_examples=20,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)


@pytest.mark.parametrize("database", DATABASES)
def test_no_job_is_held_twice_or_ends_twice_whatever_happens(
    request: pytest.FixtureRequest, database: str
) -> None:
    run_state_machine_as_test(
        lambda: Queue(place_in(request, database)),  # type: ignore[arg-type,unused-ignore]
        settings=HISTORIES,
    )
