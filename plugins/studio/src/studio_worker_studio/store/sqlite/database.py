"""One SQLite file, written by one thread and read by another, never by the event loop."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeVar

from studio_worker_studio.errors import StoreError
from studio_worker_studio.store.sqlite.schema import migrate

T = TypeVar("T")


class SqliteTransaction(sqlite3.Connection):
    """There is one that writes: nobody else is to be kept away from a row."""

    for_update = skip_locked = ""


class SqliteDatabase:
    """:class:`~studio_worker_studio.store.sql.transaction.Database` in WAL mode.

    A commit marked ``durable`` reaches the disk before it is answered: what is acknowledged
    to a worker or an operator is never lost to a power cut. The others may lose the last
    moments then, never their consistency.
    """

    def __init__(self, path: Path) -> None:
        """Open or make the file.

        Raises:
            StoreError: it is no usable database.
        """
        self._threads = (
            ThreadPoolExecutor(1, thread_name_prefix="studio-db-write"),
            ThreadPoolExecutor(1, thread_name_prefix="studio-db-read"),
        )
        opened: list[SqliteTransaction] = []
        try:
            opened.append(connect(path))
            migrate(opened[0])
            opened.append(connect(path))
            opened[1].execute("PRAGMA query_only = ON")
            self._writer, self._reader = opened
        except (sqlite3.Error, StoreError) as error:
            for connection in opened:
                connection.close()
            if isinstance(error, StoreError):
                raise
            raise StoreError(f"cannot use the database {path}: {error}") from None

    async def write(self, work: Callable[[SqliteTransaction], T], *, durable: bool = False) -> T:
        """Run ``work`` as one transaction, rolled back when it raises.

        Raises:
            StoreError: the database failed.
        """
        return await asyncio.get_running_loop().run_in_executor(
            self._threads[0], _told, partial(self._transaction, work, durable)
        )

    async def read(self, work: Callable[[SqliteTransaction], T]) -> T:
        """Run ``work``, which only reads; it sees everything committed before.

        Raises:
            StoreError: the database failed.
        """
        return await asyncio.get_running_loop().run_in_executor(
            self._threads[1], _told, partial(work, self._reader)
        )

    def close(self) -> None:
        """Finish what was begun and close the file."""
        for thread in self._threads:
            thread.shutdown(wait=True)
        self._reader.close()
        self._writer.close()

    def _transaction(self, work: Callable[[SqliteTransaction], T], durable: bool) -> T:
        connection = self._writer
        connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
        connection.execute("BEGIN IMMEDIATE")
        try:
            result = work(connection)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        return result


def _told(work: Callable[[], T]) -> T:
    try:
        return work()
    except sqlite3.Error as error:
        raise StoreError(f"the database failed: {error}") from error


def connect(path: Path) -> SqliteTransaction:
    """A connection whose transactions are begun by hand."""
    connection = sqlite3.connect(
        path, isolation_level=None, check_same_thread=False, timeout=10.0, factory=SqliteTransaction
    )
    connection.row_factory = sqlite3.Row
    connection.execute("PRAGMA journal_mode = WAL")
    return connection
