"""What the studio may rely on besides jobs, whatever database is behind it."""

from __future__ import annotations

import msgspec

from plugins.studio.tests.store.records import LIMITS, SOURCE, Run, capabilities, let_in, request
from studio_worker_core.wire.frames import LogEntry
from studio_worker_core.wire.tasks import TaskKind
from studio_worker_studio.store.interface import Store
from studio_worker_studio.store.records import Full, ModelRecord, RegistrationRecord


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
