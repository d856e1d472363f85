"""A studio's memory in PostgreSQL, and a look at it from beside."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from studio_worker_core.secrets import Secret
from studio_worker_studio.store.postgres.connecting import connect
from studio_worker_studio.store.postgres.store import PostgresStore

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
