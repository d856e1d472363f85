"""A pool of connections to PostgreSQL, used by a few threads, never by the event loop."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import lru_cache, partial
from typing import Any, TypeVar

import psycopg
from psycopg import errors
from psycopg_pool import ConnectionPool

from studio_worker_core.secrets import Secret
from studio_worker_studio.errors import StoreError
from studio_worker_studio.store.postgres import schema
from studio_worker_studio.store.postgres.connecting import (
    CONNECT_SECONDS,
    Connection,
    bound,
    connect,
    parameters,
    said,
)
from studio_worker_studio.store.postgres.hold import Hold

T = TypeVar("T")

_THREADS = 8
"""Connections of one server. More would wait for each other in the database instead."""
_TRIES = 5
"""A piece of work is tried so often, when it met others in the database or its connection had
died while it was idle."""
_MET = (errors.SerializationFailure, errors.DeadlockDetected, errors.UniqueViolation)
_BEGIN = {True: b"BEGIN", False: b"BEGIN; SET LOCAL synchronous_commit = off"}


class PostgresTransaction:
    """:class:`~studio_worker_studio.store.sql.transaction.Transaction` on one connection."""

    for_update = " FOR UPDATE"
    skip_locked = " FOR UPDATE SKIP LOCKED"

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def execute(
        self, sql: str, parameters: Sequence[Any] = (), /
    ) -> psycopg.Cursor[dict[str, Any]]:
        return self._connection.execute(_marked(sql), [_storable(each) for each in parameters])


class PostgresDatabase:
    """:class:`~studio_worker_studio.store.sql.transaction.Database` on a pool of connections:
    at most as many as there are threads here, so that no thread waits for one."""

    def __init__(self, address: Secret) -> None:
        """Take the database, and make or migrate its tables.

        Raises:
            StoreError: it cannot be used, or another studio serves it.
        """
        self.hold = Hold(address)
        try:
            with connect(address) as connection:
                schema.migrate(connection)
        except BaseException:
            self.hold.close()
            raise
        self._pool: ConnectionPool[Connection] = ConnectionPool(
            kwargs=parameters(address),
            min_size=1,
            max_size=_THREADS,
            configure=bound,
            timeout=float(CONNECT_SECONDS),
            reconnect_timeout=float(CONNECT_SECONDS),
            name="studio-db",
            open=False,
        )
        try:
            # The first connection is made in a thread of the pool's. Who has a database can use
            # it: an address that stopped answering is told here, not by the first request.
            self._pool.open(wait=True, timeout=float(CONNECT_SECONDS))
        except psycopg.Error as error:
            self._pool.close()
            self.hold.close()
            raise StoreError(f"the database failed: {said(error)}") from error
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="studio-db")

    async def write(self, work: Callable[[PostgresTransaction], T], *, durable: bool = False) -> T:
        """See :meth:`~studio_worker_studio.store.sql.transaction.Database.write`."""
        if self.hold.lost:
            raise StoreError("another studio serves this database now; stop one of the two")
        return await self._on_thread(partial(self._transaction, work, _BEGIN[durable]))

    async def read(self, work: Callable[[PostgresTransaction], T]) -> T:
        """See :meth:`~studio_worker_studio.store.sql.transaction.Database.read`. Every
        statement sees what was committed before it."""
        return await self._on_thread(partial(self._transaction, work, None))

    def close(self) -> None:
        """Finish what was begun and close the connections."""
        self._threads.shutdown(wait=True)
        self._pool.close()
        self.hold.close()

    async def _on_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, _told, work)

    def _transaction(self, work: Callable[[PostgresTransaction], T], begin: bytes | None) -> T:
        for left in reversed(range(_TRIES)):
            with self._connection() as connection:
                try:
                    return _once(connection, work, begin)
                except (*_MET, _Stale) as error:
                    if not left:
                        raise (error.__cause__ or error) from None
        raise AssertionError("unreachable")

    @contextmanager
    def _connection(self) -> Iterator[Connection]:
        connection = self._pool.getconn()
        try:
            yield connection
        finally:
            self._pool.putconn(connection)  # which replaces one that is broken


class _Stale(Exception):
    """The connection was dead before anything was done."""


def _once(
    connection: Connection, work: Callable[[PostgresTransaction], T], begin: bytes | None
) -> T:
    if begin is None:
        try:
            return work(PostgresTransaction(connection))
        except psycopg.OperationalError as error:
            if connection.broken:
                raise _Stale from error
            raise
    try:
        connection.execute(begin)
    except psycopg.OperationalError as error:
        raise _Stale from error
    try:
        result = work(PostgresTransaction(connection))
    except BaseException:
        with contextlib.suppress(psycopg.Error):
            connection.rollback()
        raise
    connection.execute(b"COMMIT")
    return result


def _told(work: Callable[[], T]) -> T:
    try:
        return work()
    except psycopg.Error as error:
        raise StoreError(f"the database failed: {said(error)}") from error


@lru_cache(maxsize=512)
def _marked(sql: str) -> bytes:
    return sql.replace("%", "%%").replace("?", "%s").encode()


def _storable(value: Any) -> Any:
    """PostgreSQL keeps no NUL in a text; workers and clients may send one."""
    if isinstance(value, str):
        return value.replace("\0", "\N{SYMBOL FOR NULL}")
    return [_storable(each) for each in value] if isinstance(value, list) else value
