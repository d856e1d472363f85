"""Claims and changes in PostgreSQL, many of them at once."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Any

import pytest

from plugins.studio.tests.store.postgres.conftest import OTHERS, Run, asked, opened
from plugins.studio.tests.store.records import (
    FILE,
    LIMITS,
    claim_next,
    job,
    let_in,
    request,
    wanted,
)
from studio_worker_core.secrets import Secret
from studio_worker_studio.errors import StoreError
from studio_worker_studio.store.postgres.connecting import connect
from studio_worker_studio.store.postgres.database import PostgresTransaction
from studio_worker_studio.store.postgres.store import PostgresStore
from studio_worker_studio.store.postgres.waiting import FIRST_QUERY, LANES_QUERY
from studio_worker_studio.store.records import JobState, Receipt
from tests.support.waiting import eventually


def test_a_queue_outlives_a_database_that_ends_every_connection(
    store: PostgresStore, address: Secret, run: Run
) -> None:
    run(store.jobs.add(job("job-a"), 1.0))
    ended = asked(address, f"SELECT pg_terminate_backend(pid) FROM {OTHERS}")
    assert ended
    assert run(store.jobs.get("job-a")).state is JobState.QUEUED
    assert run(claim_next(store.jobs, wanted(), "w", 2.0)) is not None


def test_what_was_begun_when_the_connection_ended_is_told_and_changes_nothing(
    store: PostgresStore, address: Secret, run: Run
) -> None:
    def work(c: PostgresTransaction) -> None:
        c.execute("INSERT INTO marks VALUES ('half')")
        c.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    with pytest.raises(StoreError, match="the database failed"):
        run(store.database.write(work))
    assert asked(address, "SELECT name FROM marks WHERE name = 'half'") == []


def test_work_that_raises_leaves_nothing_behind(
    store: PostgresStore, address: Secret, run: Run
) -> None:
    def work(c: PostgresTransaction) -> None:
        c.execute("INSERT INTO marks VALUES ('half')")
        raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half way"):
        run(store.database.write(work))
    assert asked(address, "SELECT name FROM marks WHERE name = 'half'") == []


def test_two_that_wait_for_each_other_both_come_through(store: PostgresStore, run: Run) -> None:
    first, second = (run(store.jobs.add(job(name), 1.0)) for name in ("job-a", "job-b"))
    tries: list[int] = []

    async def both() -> None:
        at_first = asyncio.Event()
        loop = asyncio.get_running_loop()

        def work(mine: int, other: int, alone: bool) -> Callable[[PostgresTransaction], None]:
            def touch(c: PostgresTransaction) -> None:
                tries.append(mine)
                c.execute("UPDATE jobs SET priority = priority + 1 WHERE id = ?", (mine,))
                if alone and tries.count(mine) == 1:
                    loop.call_soon_threadsafe(at_first.set)
                    held = "SELECT 1 FROM pg_locks WHERE NOT granted"
                    eventually("the other waits", lambda: c.execute(held).fetchone())
                c.execute("UPDATE jobs SET priority = priority + 1 WHERE id = ?", (other,))

            return touch

        begun = asyncio.create_task(store.database.write(work(first.id, second.id, True)))
        await at_first.wait()
        await asyncio.gather(begun, store.database.write(work(second.id, first.id, False)))

    run(asyncio.wait_for(both(), 120))
    assert len(tries) >= 3
    found = [run(store.jobs.get(name)).priority for name in ("job-a", "job-b")]
    assert found == [2, 2]


def test_a_job_that_is_being_claimed_is_passed_by(store: PostgresStore, run: Run) -> None:
    queued = run(store.jobs.add(job("job-a"), 1.0))

    async def meanwhile() -> object:
        loop = asyncio.get_running_loop()
        locked, go_on = asyncio.Event(), asyncio.Event()

        def hold(c: PostgresTransaction) -> None:
            c.execute(f"SELECT 1 FROM jobs WHERE id = ?{c.for_update}", (queued.id,))
            loop.call_soon_threadsafe(locked.set)
            asyncio.run_coroutine_threadsafe(go_on.wait(), loop).result(120)

        holder = asyncio.create_task(store.database.write(hold))
        await locked.wait()
        claimed = await store.jobs.claim(queued.id, "w", 2.0)
        go_on.set()
        await holder
        return claimed

    assert run(asyncio.wait_for(meanwhile(), 120)) is None
    assert run(store.jobs.claim(queued.id, "w", 2.0)) is not None


@pytest.mark.parametrize("passed_by", ["engine", "vram_gb", "state"])
def test_a_claim_reads_as_many_pages_with_a_hundred_as_with_thousands(
    store: PostgresStore, address: Secret, run: Run, passed_by: str
) -> None:
    def fill(first: int, last: int) -> None:
        columns = {"engine": "'synthetic'", "vram_gb": "1.0", "state": "'queued'"}
        other = {"engine": "'other' || n", "vram_gb": "99.0", "state": "'done'"}[passed_by]
        columns[passed_by] = other
        with connect(address) as connection:
            connection.execute(
                "INSERT INTO jobs (job_id, kind, priority, model, task, source, max_attempts,"
                f" created_at, {', '.join(columns)}) SELECT 'x' || n, 'image', 9, 'm', '', '', 3,"
                f" 1.0, {', '.join(columns.values())}"
                f" FROM generate_series({first}, {last}) AS n".encode()
            )
            connection.execute("ANALYZE jobs")

    def pages(query: str, values: tuple[Any, ...]) -> int:
        def work(c: PostgresTransaction) -> int:
            explained = "EXPLAIN (ANALYZE, BUFFERS, FORMAT TEXT) " + query
            plan = "\n".join(row["QUERY PLAN"] for row in c.execute(explained, values))
            counts = re.findall(r"^.*?Buffers: shared (?:hit=(\d+))?", plan, re.MULTILINE)
            return int(counts[0] or 0)

        return int(run(store.database.read(work)))

    values: tuple[Any, ...] = (["image"], ["synthetic"], [0], 8.0, 8.0, [])
    run(store.jobs.add(job("job-mine"), 1.0))
    fill(1, 100)
    few = [pages(FIRST_QUERY, values), pages(LANES_QUERY, ())]
    fill(101, 5000)
    assert run(store.jobs.first_for(wanted())).job_id == "job-mine"
    many = [pages(FIRST_QUERY, values), pages(LANES_QUERY, ())]
    # A lane costs one seek, and every job of the first case has a lane of its own; beyond that
    # an index grows by a level or two.
    assert many[0] <= few[0] + 12
    if passed_by != "engine":
        assert many[1] <= few[1] + 12


def test_only_what_nobody_was_told_of_may_be_lost_with_a_power_cut(
    address: Secret, run: Run
) -> None:
    with connect(address) as connection:
        connection.execute(
            "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET synchronous_commit = on',"
            " current_database()); END $$"
        )
    store = opened(address)

    def waits(c: PostgresTransaction) -> str:
        row = c.execute("SHOW synchronous_commit").fetchone()
        assert row is not None
        return str(row["synchronous_commit"])

    try:
        assert run(store.database.write(waits, durable=True)) == "on"
        assert run(store.database.write(waits)) == "off"
        assert run(store.database.write(waits, durable=True)) == "on"
    finally:
        store.close()


def test_what_is_given_twice_at_once_ends_once(store: PostgresStore, run: Run) -> None:
    run(store.jobs.add(job("job-a"), 1.0))
    held = run(claim_next(store.jobs, wanted(), "w", 2.0))
    kept: list[int] = []

    async def deliver() -> list[Receipt]:
        return await asyncio.gather(
            *(
                store.jobs.finish_file(
                    "job-a", "w", held.claims, FILE, None, 3.0, lambda: kept.append(1)
                )
                for _ in range(6)
            )
        )

    outcomes = run(deliver())
    assert sorted(outcome.value for outcome in outcomes) == ["done"] + ["repeated"] * 5
    assert kept == [1]


def test_a_request_is_approved_once_by_however_many(store: PostgresStore, run: Run) -> None:
    let_in(store, run, "i-0")
    asked_for = run(store.registrations.ask(request(), "::1", 1.0, LIMITS))

    async def everybody() -> list[Any]:
        approve = store.registrations.approve
        return await asyncio.gather(*(approve(asked_for.request_id, 2.0) for _ in range(6)))

    assert len({each.worker_id for each in run(everybody())}) == 1
    assert len(run(store.workers.page(None, 9))) == 2
