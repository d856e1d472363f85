"""Who may open a PostgreSQL database, and what it has to be."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from plugins.studio.tests.store.postgres.conftest import Run, asked, opened
from plugins.studio.tests.store.records import job
from studio_worker_core.secrets import Secret
from studio_worker_studio.errors import StoreError
from studio_worker_studio.store.postgres.connecting import connect, shown
from studio_worker_studio.store.postgres.hold import SERVING
from studio_worker_studio.store.postgres.store import PostgresStore
from tests.support.postgres import PostgresServer
from tests.support.waiting import eventually


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
