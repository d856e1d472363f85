"""Sums over the queue and its filters, on every database."""

from __future__ import annotations

from typing import Any

from plugins.studio.tests.store.records import CHAT, FILE, Run, job
from studio_worker_core.wire.tasks import TaskKind
from studio_worker_studio.store.interface import Store
from studio_worker_studio.store.records import Cause, Ended, JobState, Waiting


def test_sums_tell_what_waits_what_ended_when_and_why(store: Store, run: Run) -> None:
    for number, now in enumerate((1.0, 2.0, 3.0)):
        run(store.jobs.add(job(f"job-{number}"), now))
    run(store.jobs.add(job("job-chat", CHAT), 4.0))
    for name, at in (("job-0", 110.0), ("job-1", 150.0)):
        record = run(store.jobs.get(name))
        claimed = run(store.jobs.claim(record.id, "w", 5.0))
        error = "no memory" + "!" * 300
        run(store.jobs.fail(name, claimed.claims, error, retryable=False, now=at))
    record = run(store.jobs.get("job-2"))
    claimed = run(store.jobs.claim(record.id, "w", 5.0))
    run(store.jobs.finish_file("job-2", "w", claimed.claims, FILE, None, 199.0, lambda: None))
    run(store.jobs.add(job("job-3"), 160.0))
    run(store.jobs.add(job("job-4"), 170.0))

    found = run(store.jobs.statistics(100.0, 200.0, 2))
    assert found.waiting == (
        Waiting(TaskKind.IMAGE, 2, 160.0),
        Waiting(TaskKind.LLM, 1, 4.0),
    )
    assert found.ended == (Ended(100.0, 0, 1), Ended(150.0, 1, 1))
    assert found.causes == (Cause(("no memory" + "!" * 300)[:160], 2, 150.0),)


def test_sums_of_nothing_are_nothing(store: Store, run: Run) -> None:
    found = run(store.jobs.statistics(0.0, 10.0, 1))
    assert (found.waiting, found.ended, found.causes) == ((), (Ended(0.0, 0, 0),), ())


def test_a_list_is_of_one_kind_and_one_model(store: Store, run: Run) -> None:
    run(store.jobs.add(job("job-a"), 1.0))
    run(store.jobs.add(job("job-b", CHAT), 2.0))
    run(store.jobs.add(job("job-c"), 3.0))

    def names(**more: Any) -> list[str]:
        found = run(store.jobs.page(JobState.QUEUED, None, 10, newest_first=True, **more))
        return [each.job_id for each in found]

    assert names(kind=TaskKind.IMAGE) == ["job-c", "job-a"]
    assert names(kind=TaskKind.LLM, model="synthetic") == ["job-b"]
    assert names(model="synth") == []
