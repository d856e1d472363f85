"""A PostgreSQL database as a whole: read at one moment, and filled."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import psycopg

from studio_worker_core.secrets import Secret
from studio_worker_studio.errors import StoreError
from studio_worker_studio.store.postgres import schema
from studio_worker_studio.store.postgres.connecting import Connection, connect, said
from studio_worker_studio.store.postgres.database import PostgresTransaction
from studio_worker_studio.store.sql.tables import TABLES, check_columns
from studio_worker_studio.store.sql.transaction import Transaction

_SEQUENCE = "pg_get_serial_sequence(?, 'id')::regclass"


class PostgresPlace:
    """:class:`~studio_worker_studio.store.transfer.Place`: one database."""

    newest = len(schema.STEPS)

    def __init__(self, address: Secret) -> None:
        self._address = address

    def version(self) -> int:
        """See :meth:`~studio_worker_studio.store.transfer.Place.version`."""
        with self._opened() as connection:
            return schema.version_of(connection)

    def check(self) -> None:
        """See :meth:`~studio_worker_studio.store.transfer.Place.check`."""
        with self._opened() as connection:
            if schema.version_of(connection) == self.newest:
                check_columns(PostgresTransaction(connection))

    @contextmanager
    def snapshot(self) -> Iterator[PostgresTransaction]:
        """See :meth:`~studio_worker_studio.store.transfer.Place.snapshot`."""
        with self._opened() as connection:
            connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            yield PostgresTransaction(connection)

    def last_numbers(self, c: Transaction) -> Mapping[str, int]:
        """See :meth:`~studio_worker_studio.store.transfer.Place.last_numbers`."""
        query = f"SELECT pg_sequence_last_value({_SEQUENCE}) AS last"
        found = {
            table.name: c.execute(query, (table.name,)).fetchone()["last"]
            for table in TABLES
            if table.numbered
        }
        return {name: last for name, last in found.items() if last is not None}

    @contextmanager
    def filling(self) -> Iterator[PostgresTransaction]:
        """See :meth:`~studio_worker_studio.store.transfer.Place.filling`."""
        with self._opened() as connection:
            schema.migrate(connection)
            with connection.transaction():
                yield PostgresTransaction(connection)

    def go_on_from(self, c: Transaction, numbers: Mapping[str, int]) -> None:
        """See :meth:`~studio_worker_studio.store.transfer.Place.go_on_from`."""
        for table in TABLES:
            if table.name in numbers:
                c.execute(f"SELECT setval({_SEQUENCE}, ?)", (table.name, numbers[table.name]))

    @contextmanager
    def _opened(self) -> Iterator[Connection]:
        try:
            with connect(self._address) as connection:
                yield connection
        except psycopg.Error as error:
            raise StoreError(f"the database failed: {said(error)}") from None
