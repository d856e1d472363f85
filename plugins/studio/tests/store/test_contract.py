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
    LIMITS,
    SOURCE,
    Run,
    capabilities,
    claim_next,
    job,
    let_in,
    request,
    wanted,
)
from studio_worker_core.wire.frames import LogEntry
from studio_worker_core.wire.generation import GenerationMeta
from studio_worker_core.wire.tasks import ImageTask, TaskKind
from studio_worker_studio.store.interface import Store
from studio_worker_studio.store.records import (
    Full,
    JobState,
    ModelRecord,
    Receipt,
    RegistrationRecord,
)

# jobs


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


# registrations and workers


def test_a_request_belongs_to_its_secret(store: Store, run: Run) -> None:
    ask = store.registrations.ask
    mine = run(ask(request(), "::1", 1.0, LIMITS))
    assert run(ask(request(), "::2", 2.0, LIMITS)).request_id == mine.request_id
    other = run(ask(request(secret="bb"), "::1", 2.0, LIMITS))
    assert isinstance(other, RegistrationRecord)
    assert other.request_id != mine.request_id
    run(store.registrations.approve(mine.request_id, 3.0))
    assert run(ask(request(), "::1", 4.0, LIMITS)).request_id == mine.request_id
    waiting = run(store.registrations.pending(None, 9))
    assert [each.request_id for each in waiting] == [other.request_id]


def test_requests_are_bounded_by_address_and_in_all_and_grow_old(store: Store, run: Run) -> None:
    ask = store.registrations.ask
    for number in range(3):
        assert isinstance(run(ask(request(f"i-{number}"), "::1", 1.0, LIMITS)), RegistrationRecord)
    assert run(ask(request("i-3"), "::1", 1.0, LIMITS)) is Full.ADDRESS
    for number in range(4, 6):
        run(ask(request(f"i-{number}"), "::2", 1.0, LIMITS))
    assert run(ask(request("i-6"), "::3", 1.0, LIMITS)) is Full.STUDIO
    late = 2.0 + LIMITS.keep_seconds
    assert isinstance(run(ask(request("i-6"), "::3", late, LIMITS)), RegistrationRecord)
    assert len(run(store.registrations.pending(None, 99))) == 1


def test_a_decision_stands(store: Store, run: Run) -> None:
    asked = run(store.registrations.ask(request(), "::1", 1.0, LIMITS))
    assert run(store.registrations.reject(asked.request_id, "no", 2.0))
    assert not run(store.registrations.reject(asked.request_id, "no", 2.0))
    assert run(store.registrations.approve(asked.request_id, 3.0)) is None
    assert run(store.registrations.get(asked.request_id)).reason == "no"
    worker_id = let_in(store, run, "i-2")
    again = run(store.registrations.ask(request("i-2"), "::1", 3.0, LIMITS))
    assert run(store.registrations.approve(again.request_id, 4.0)).worker_id == worker_id


def test_a_new_token_ends_the_one_before_and_a_deleted_worker_gets_none(
    store: Store, run: Run
) -> None:
    worker_id = let_in(store, run)
    first, second = (run(store.workers.mint_token(worker_id)) for _ in range(2))
    assert first != second
    assert first not in msgspec.json.encode(run(store.workers.get(worker_id))).decode()
    run(store.workers.seen(worker_id, capabilities(), 9.0))
    assert run(store.workers.get(worker_id)).last_heartbeat_at == 9.0
    assert run(store.workers.delete(worker_id, 10.0))
    assert not run(store.workers.delete(worker_id, 10.0))
    assert run(store.workers.mint_token(worker_id)) is None
    assert run(store.workers.page(None, 9)) == []
    assert run(store.workers.get(worker_id)).deleted_at == 10.0


# models and logs


def test_a_registry_is_seeded_once(store: Store, run: Run) -> None:
    seeds = [ModelRecord(name, name, None, 0.0, SOURCE) for name in ("a", "b")]
    run(store.models.seed(seeds))
    assert run(store.models.delete("a"))
    assert not run(store.models.delete("a"))
    run(store.models.seed(seeds))
    assert [each.model_id for each in run(store.models.page(None, 9))] == ["b"]
    changed = ModelRecord("b", "Bee", TaskKind.IMAGE, 4.0, SOURCE, enabled=False)
    assert not run(store.models.put(changed))
    assert run(store.models.get("b")) == changed
    assert run(store.models.put(ModelRecord("c", "c", None, 0.0, SOURCE)))
    assert [each.model_id for each in run(store.models.page("b", 9))] == ["c"]


def test_logs_are_bounded_by_number_bytes_and_age(store: Store, run: Run) -> None:
    def page() -> list[str]:
        found = run(store.logs.page(job_id=None, worker_id=None, after=None, limit=99))
        return [each.entry.message for each in found]

    run(store.logs.add("w", [LogEntry("t", "info", "c", f"{n}") for n in range(80)], 1.0))
    assert page() == [f"{n}" for n in range(30, 80)]
    run(store.logs.add("w", [LogEntry("t", "info", "c", "x" * 9_000) for _ in range(3)], 2.0))
    assert len(page()) == 2
    run(store.logs.add("v", [LogEntry("t", "info", "c", "new", "job-1")], 5.0))
    run(store.logs.forget(4.0))
    assert page() == ["new"]
    assert run(store.logs.delete(job_id="job-2", worker_id=None)) == 0
    assert run(store.logs.delete(job_id="job-1", worker_id="v")) == 1


# all of them


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
