"""What is PostgreSQL's own."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import studio_worker_studio
from plugins.studio.tests.store.records import (
    FILE,
    LIMITS,
    claim_next,
    job,
    let_in,
    request,
    wanted,
)
from studio_worker_core.errors import StudioWorkerError
from studio_worker_core.secrets import Secret
from studio_worker_core.wire.frames import LogEntry
from studio_worker_studio.errors import StoreError
from studio_worker_studio.store.opening import database_address
from studio_worker_studio.store.postgres.connecting import connect, shown
from studio_worker_studio.store.postgres.database import PostgresTransaction
from studio_worker_studio.store.postgres.hold import SERVING
from studio_worker_studio.store.postgres.store import PostgresStore
from studio_worker_studio.store.postgres.waiting import FIRST_QUERY, LANES_QUERY
from studio_worker_studio.store.records import JobState, Receipt
from tests.support.ports import refusing_port
from tests.support.postgres import LOCKED, PostgresServer
from tests.support.waiting import eventually

Run = Callable[[Any], Any]
OTHERS = "pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()"


def opened(address: Secret) -> PostgresStore:
    return PostgresStore(address, max_log_entries=50, max_log_bytes=20_000)


def asked(address: Secret, query: str) -> list[dict[str, Any]]:
    with connect(address) as connection:
        return connection.execute(query.encode()).fetchall()


@pytest.fixture
def address(make_postgres: Callable[[], Secret]) -> Secret:
    return make_postgres()


@pytest.fixture
def store(address: Secret) -> Iterator[PostgresStore]:
    store = opened(address)
    yield store
    store.close()


def test_texts_that_postgresql_cannot_keep_cost_nobody_anything(
    store: PostgresStore, run: Run
) -> None:
    run(store.jobs.add(job("job-a"), 1.0))
    held = run(claim_next(store.jobs, wanted(), "w", 2.0))
    ended = run(store.jobs.fail("job-a", held.claims, "torn\0here", retryable=False, now=3.0))
    assert ended.error == "torn␀here"
    run(store.logs.add("w", [LogEntry("t", "info", "c", "a\0b")], 1.0))
    assert run(store.jobs.get("job\0")) is None
    assert run(store.jobs.first_for(wanted(refused=frozenset({"a\0"})))) is None


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


def test_one_studio_has_the_database_at_a_time(store: PostgresStore, address: Secret) -> None:
    with pytest.raises(StoreError, match=r"another studio already serves postgresql://studio@"):
        opened(address)


def test_a_studio_whose_database_another_has_taken_writes_nothing(
    store: PostgresStore, address: Secret, run: Run
) -> None:
    hold = store.database.hold
    with connect(address) as other:

        def take() -> bool:
            ended = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'"
            other.execute(ended.encode())
            row = other.execute("SELECT pg_try_advisory_lock(%s) AS got", (SERVING,)).fetchone()
            return row is not None and bool(row["got"])

        eventually("the other one has it", take)
        hold.look()
        with pytest.raises(StoreError, match="another studio serves this database now"):
            run(store.jobs.add(job("job-a"), 1.0))

    def look() -> bool:
        hold.look()
        return not hold.lost

    eventually("it is ours again", look)
    run(store.jobs.add(job("job-b"), 1.0))


def test_several_that_start_on_an_empty_database_make_its_tables_once(
    postgres: PostgresServer,
) -> None:
    address = Secret(postgres.address(postgres.make()))

    def start(_: int) -> str:
        try:
            opened(address).close()
        except StoreError as error:
            return str(error)
        return ""

    with ThreadPoolExecutor(6) as threads:
        told = set(threads.map(start, range(6)))
    refused = f"another studio already serves {shown(address)}; stop it first"
    assert "" in told <= {"", refused}
    assert asked(address, "SELECT max(version) AS v, count(*) AS n FROM studio_schema") == [
        {"v": 1, "n": 1}
    ]


def test_a_step_that_fails_leaves_nothing_of_itself(postgres: PostgresServer) -> None:
    name = postgres.make()
    postgres.execute("CREATE TABLE submissions (mine TEXT)", name)
    address = Secret(postgres.address(name))
    with pytest.raises(StoreError, match='relation "submissions" already exists'):
        opened(address)
    tables = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
    assert asked(address, tables) == [{"tablename": "submissions"}]


def test_a_newer_database_is_refused_and_left(store: PostgresStore, address: Secret) -> None:
    store.close()
    asked_of = connect(address)
    asked_of.execute("UPDATE studio_schema SET version = 99")
    asked_of.close()
    with pytest.raises(StoreError, match="version 99, this program knows 1; upgrade"):
        opened(address)


def test_a_database_of_another_encoding_is_refused(postgres: PostgresServer) -> None:
    postgres.execute("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    with pytest.raises(StoreError, match="LATIN1; make one with ENCODING 'UTF8'"):
        opened(Secret(postgres.address("latin")))


@pytest.mark.parametrize("password", ["tr0ub4dor", "s3", "p%40ss%2Fw%3Aord"])
def test_a_password_is_in_no_words_about_the_database(
    postgres: PostgresServer, password: str
) -> None:
    with refusing_port() as port:
        given = [
            postgres.address("postgres", LOCKED, password),
            f"postgresql://ada:{password}@127.0.0.1:{port}/studio",
            f"postgresql://127.0.0.1:{port}/studio?user=ada&password={password}",
            f"postgresql://ada:{password}@127.0.0.1:many/studio",
            f"postgresql://ada:/{password}@127.0.0.1/studio",
            f"postgresql://ada:{password}/more@127.0.0.1/studio",
        ]
        for text in given:
            with pytest.raises(StoreError) as refused:
                opened(Secret(text))
            assert password not in str(refused.value)


def test_an_address_is_shown_without_its_password() -> None:
    address = Secret("postgresql://ada:se%40cret@db.example:5433/studio?sslmode=require")
    assert shown(address) == "postgresql://ada@db.example:5433/studio"
    for wrong in ("mysql://ada:secret@db/studio", "sqlite:", "studio.db"):
        with pytest.raises(StudioWorkerError) as refused:
            database_address(wrong)
        assert "secret" not in str(refused.value)


def test_without_the_library_the_message_says_what_to_install(tmp_path: Path) -> None:
    program = (
        "import sys; sys.modules['psycopg'] = None\n"
        "from studio_worker_core.cli.main import main; sys.exit(main())"
    )
    done = subprocess.run(
        [*(sys.executable, "-c", program), "studio", "serve", "--data", tmp_path / "s"],
        env={"STUDIO_DATABASE": "postgresql://ada:tr0ub4dor@/studio", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1
    assert "pip install 'studio-worker[postgres]'" in done.stderr
    assert "Traceback" not in done.stderr
    assert "tr0ub4dor" not in done.stderr


def test_nothing_but_its_own_room_knows_postgresql() -> None:
    package = Path(studio_worker_studio.__file__).parent
    known = {
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        if re.search(
            r"^\s*(import|from) (psycopg|studio_worker_studio\.store\.postgres)",
            path.read_text("utf-8"),
            re.MULTILINE,
        )
    }
    outside = {path for path in known if not path.startswith("store/postgres/")}
    assert outside == {"store/opening.py"}


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


def test_ids_are_sorted_by_their_code_points(
    store: PostgresStore, address: Secret, run: Run
) -> None:
    for name in ("job-é", "job-Z", "job-a", "job-_"):
        run(store.jobs.add(job(name), 1.0))
    found = run(store.jobs.page(None, None, 9, prefix="job-"))
    assert [each.job_id for each in found] == ["job-é", "job-Z", "job-a", "job-_"]
    assert run(store.jobs.page(None, None, 9, prefix="job-Z"))[0].job_id == "job-Z"
    rows = asked(address, "SELECT job_id FROM jobs ORDER BY job_id")
    assert [row["job_id"] for row in rows] == sorted(["job-é", "job-Z", "job-a", "job-_"])


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
