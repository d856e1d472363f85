"""What the studio may rely on, whatever database is behind it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from plugins.studio.tests.store.records import (
    CHAT,
    FILE,
    SOURCE,
    Run,
    claim_next,
    job,
    let_in,
    wanted,
)
from studio_worker_core.wire.frames import LogEntry
from studio_worker_core.wire.generation import GenerationMeta
from studio_worker_core.wire.tasks import ImageTask, TaskKind
from studio_worker_studio.store.interface import Store
from studio_worker_studio.store.records import JobState, ModelRecord, Receipt


def test_the_highest_priority_goes_first_then_the_oldest(store: Store, run: Run) -> None:
    for job_id, priority in (("job-a", 0), ("job-b", 5), ("job-c", 5)):
        run(store.jobs.add(job(job_id, priority=priority), 1.0))
    claimed = [run(claim_next(store.jobs, wanted(), "w", 2.0)) for _ in range(4)]
    assert [each and each.job_id for each in claimed] == ["job-b", "job-c", "job-a", None]


def test_a_claim_takes_only_what_fits_is_asked_for_and_was_not_refused(
    store: Store, run: Run
) -> None:
    run(store.jobs.add(job("job-large", vram_gb=16.0), 1.0))
    run(store.jobs.add(job("job-chat", CHAT), 1.0))
    run(store.jobs.add(job("job-mine"), 1.0))
    assert run(store.jobs.first_for(wanted())).job_id == "job-mine"
    refusing = wanted(refused=frozenset({"job-mine"}))
    assert run(store.jobs.first_for(refusing)) is None
    assert run(store.jobs.first_for(wanted(TaskKind.LLM))).job_id == "job-chat"
    lanes = run(store.jobs.waiting_lanes())
    assert {lane.kind: least for lane, least in lanes.items()} == {
        TaskKind.IMAGE: 0.0,
        TaskKind.LLM: 0.0,
    }


def test_one_job_is_claimed_once_by_however_many_ask(store: Store, run: Run) -> None:
    queued = run(store.jobs.add(job("job-a"), 1.0))

    async def everybody() -> list[Any]:
        claims = (store.jobs.claim(queued.id, f"w{number}", 2.0) for number in range(20))
        return await asyncio.gather(*claims)

    assert sum(each is not None for each in run(everybody())) == 1


def test_an_idempotency_key_queues_once(store: Store, run: Run) -> None:
    assert run(store.jobs.known_key("k")) is None
    assert run(store.jobs.add_once(job("job-a"), "k", "ff", 1.0)).job_id == "job-a"
    assert run(store.jobs.add_once(job("job-b"), "k", "ff", 1.0)) is None
    assert run(store.jobs.known_key("k")) == ("ff", "job-a")
    assert run(store.jobs.get("job-b")) is None
    run(store.jobs.forget_keys(2.0))
    assert run(store.jobs.known_key("k")) is None


def test_a_file_that_cannot_be_put_in_its_place_ends_nothing(store: Store, run: Run) -> None:
    run(store.jobs.add(job("job-a"), 1.0))
    held = run(claim_next(store.jobs, wanted(), "w", 2.0))

    def full() -> None:
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space left"):
        run(store.jobs.finish_file("job-a", "w", held.claims, FILE, None, 3.0, full))
    assert run(store.jobs.get("job-a")).state is JobState.CLAIMED
    kept: list[bool] = []
    done = store.jobs.finish_file(
        "job-a", "w", held.claims, FILE, "a boat", 3.0, lambda: kept.append(True)
    )
    assert (run(done), kept) == (Receipt.DONE, [True])
    assert run(store.jobs.result_names()) == ["job-a.png"]
    assert run(store.jobs.stored_files()) == {"job-a": FILE}


def test_how_a_result_was_made_is_kept_with_it(store: Store, run: Run) -> None:
    made = GenerationMeta(engine="synthetic", seed=2**64 - 1, seconds=0.5)
    run(store.jobs.add(job("job-a"), 1.0))
    held = run(claim_next(store.jobs, wanted(), "w", 2.0))
    file = store.jobs.finish_file(
        "job-a", "w", held.claims, FILE, None, 3.0, lambda: None, meta=made
    )
    assert run(file) is Receipt.DONE
    assert run(store.jobs.get("job-a")).meta == made
    run(store.jobs.add(job("job-b", CHAT), 1.0))
    held = run(claim_next(store.jobs, wanted(TaskKind.LLM), "w", 2.0))
    answer = store.jobs.finish_json("job-b", "w", held.claims, b"{}", "ab", None, 3.0, meta=made)
    assert run(answer) is Receipt.DONE
    assert run(store.jobs.get("job-b")).meta == made


def test_a_lapsed_claim_goes_on_for_the_worker_that_comes_back_first(
    store: Store, run: Run
) -> None:
    run(store.jobs.add(job("job-a"), 1.0))
    held = run(claim_next(store.jobs, wanted(), "w", 2.0))
    run(store.jobs.release("job-a", held.claims, counted=False, now=3.0))
    kept, answered, dropped = run(store.jobs.resume("w", {"job-a"}, set(), 4.0))
    assert ([each.job_id for each in kept], answered, dropped) == (["job-a"], [], [])
    assert run(store.jobs.get("job-a")).claims == held.claims
    kept, answered, dropped = run(store.jobs.resume("w", set(), {"job-a"}, 5.0))
    assert (kept, answered, [each.attempts for each in dropped]) == ([], [], [1])


def test_the_last_counted_loss_fails_a_job(store: Store, run: Run) -> None:
    run(store.jobs.add(job("job-a", max_attempts=1), 1.0))
    held = run(claim_next(store.jobs, wanted(), "w", 2.0))
    lost = run(store.jobs.release("job-a", held.claims, counted=True, now=3.0))
    assert lost.state is JobState.FAILED
    assert "lost" in (lost.error or "")


def test_what_is_of_age_goes_and_the_rest_stays(store: Store, run: Run) -> None:
    for job_id in ("job-done", "job-failed", "job-waits"):
        run(store.jobs.add(job(job_id), 1.0))
    held = run(claim_next(store.jobs, wanted(), "w", 2.0))
    run(store.jobs.finish_file(held.job_id, "w", held.claims, FILE, None, 3.0, lambda: None))
    held = run(claim_next(store.jobs, wanted(), "w", 2.0))
    run(store.jobs.fail(held.job_id, held.claims, "no", retryable=False, now=3.0))
    run(store.logs.add("w", [LogEntry("t", "info", "c", "m", "job-failed")], 3.0))
    assert run(store.jobs.forget_jobs(10.0, 10.0)) == 1
    assert run(store.jobs.get("job-failed")) is None
    assert run(store.logs.page(job_id="job-failed", worker_id=None, after=None, limit=9)) == []
    assert [each.job_id for each in run(store.jobs.expired_results(10.0))] == ["job-done"]
    assert run(store.jobs.result_removed("job-done", 10.0))
    assert not run(store.jobs.result_removed("job-done", 10.0))
    assert not run(store.jobs.delete("job-waits"))
    assert run(store.jobs.delete("job-done"))
    assert run(store.jobs.counts())[JobState.QUEUED] == 1


def test_a_file_without_a_row_is_adopted_once(store: Store, run: Run) -> None:
    assert run(store.jobs.adopt("job-x", TaskKind.IMAGE, FILE, 1.0))
    assert run(store.jobs.get("job-x")).state is JobState.DONE
    assert not run(store.jobs.adopt("job-x", TaskKind.IMAGE, FILE, 1.0))


def test_pages_stay_where_they_are_when_jobs_come_and_go(store: Store, run: Run) -> None:
    added = [run(store.jobs.add(job(f"job-{number}"), 1.0)) for number in range(4)]
    first = run(store.jobs.page(None, None, 2))
    run(store.jobs.cancel("job-0", ask=False, now=2.0))
    assert run(store.jobs.delete("job-0"))
    run(store.jobs.add(job("job-4"), 1.0))
    rest = run(store.jobs.page(None, first[-1].id, 9))
    assert [each.job_id for each in rest] == ["job-2", "job-3", "job-4"]
    newest = run(store.jobs.page(None, None, 9, newest_first=True, prefix="job-"))
    assert [each.job_id for each in newest] == ["job-4", "job-3", "job-2", "job-1"]
    assert rest[-1].id > added[-1].id


def test_a_list_leaves_out_what_may_be_large_and_says_how_large_an_answer_is(
    store: Store, run: Run
) -> None:
    run(store.jobs.add(job("job-chat", CHAT), 1.0))
    claimed = run(claim_next(store.jobs, wanted(TaskKind.LLM), "w", 2.0))
    (held,) = run(store.jobs.claimed())
    assert (held.job_id, held.worker_id, held.claims) == ("job-chat", "w", 1)
    answer = b'{"text":"hi"}'
    done = store.jobs.finish_json(
        "job-chat", "w", claimed.claims, answer, "ab" * 32, "a long prompt", 3.0
    )
    assert run(done) is Receipt.DONE
    whole = run(store.jobs.get("job-chat"))
    (listed,) = run(store.jobs.page(None, None, 9))
    assert (whole.json, whole.prompt, whole.json_bytes) == (answer, "a long prompt", len(answer))
    assert listed == msgspec.structs.replace(whole, source=b"", prompt=None, json=None)
    run(store.jobs.add(job("job-long", ImageTask(prompt="x" * 20_000)), 1.0))
    (long,) = run(store.jobs.page(JobState.QUEUED, None, 9))
    assert (long.job_id, long.task) == ("job-long", b"")
    assert len(run(store.jobs.get("job-long")).task) > 20_000


def test_everything_is_there_after_a_restart(reopen: Callable[[], Store], run: Run) -> None:
    store = reopen()
    run(store.jobs.add(job("job-a"), 1.0))
    worker_id = let_in(store, run)
    run(store.models.put(ModelRecord("m", "m", None, 0.0, SOURCE)))
    run(store.logs.add(worker_id, [LogEntry("t", "info", "c", "hello")], 1.0))
    store = reopen()
    assert run(store.jobs.get("job-a")).state is JobState.QUEUED
    assert run(store.workers.get(worker_id)) is not None
    assert run(store.models.get("m")) is not None
    assert len(run(store.logs.page(job_id=None, worker_id=worker_id, after=None, limit=9))) == 1
