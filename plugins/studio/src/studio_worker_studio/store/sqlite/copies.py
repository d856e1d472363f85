"""SQLite files as a whole: read at one moment, filled, and copied while others write."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

from studio_worker_studio.errors import StoreError
from studio_worker_studio.store.sql.tables import TABLES, check_columns
from studio_worker_studio.store.sql.transaction import Transaction
from studio_worker_studio.store.sqlite.database import SqliteTransaction, connect
from studio_worker_studio.store.sqlite.schema import STEPS, migrate, version_of


class SqliteFile:
    """:class:`~studio_worker_studio.store.transfer.FilePlace`."""

    newest = len(STEPS)

    def __init__(self, path: Path) -> None:
        self._path = path

    def version(self) -> int:
        """See :meth:`~studio_worker_studio.store.transfer.Place.version`."""
        with self._opened() as connection:
            return version_of(connection)

    def check(self) -> None:
        """See :meth:`~studio_worker_studio.store.transfer.Place.check`."""
        with self._opened() as connection:
            found = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
            if found != "ok":
                raise StoreError(f"{self._path} is damaged: {found}")
            if version_of(connection) == self.newest:
                check_columns(connection)

    @contextmanager
    def snapshot(self) -> Iterator[SqliteTransaction]:
        """See :meth:`~studio_worker_studio.store.transfer.Place.snapshot`."""
        with self._opened() as connection:
            connection.execute("BEGIN")
            yield connection

    def last_numbers(self, c: Transaction) -> Mapping[str, int]:
        """See :meth:`~studio_worker_studio.store.transfer.Place.last_numbers`."""
        rows = c.execute("SELECT name, seq FROM sqlite_sequence")
        return {row["name"]: row["seq"] for row in rows}

    @contextmanager
    def filling(self) -> Iterator[SqliteTransaction]:
        """See :meth:`~studio_worker_studio.store.transfer.Place.filling`. The file is made
        when there is none, and stays empty when nothing is kept."""
        os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        with self._opened() as connection:
            migrate(connection)
            connection.execute("BEGIN IMMEDIATE")
            yield connection
            connection.execute("COMMIT")

    def go_on_from(self, c: Transaction, numbers: Mapping[str, int]) -> None:
        """See :meth:`~studio_worker_studio.store.transfer.Place.go_on_from`."""
        for table in TABLES:
            if table.name in numbers:
                c.execute("DELETE FROM sqlite_sequence WHERE name = ?", (table.name,))
                c.execute(
                    "INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)",
                    (table.name, numbers[table.name]),
                )

    def copy_to(self, target: Path) -> None:
        """See :meth:`~studio_worker_studio.store.transfer.FilePlace.copy_to`."""
        with self._opened() as connection:
            connection.execute("VACUUM INTO ?", (str(target),))

    @contextmanager
    def _opened(self) -> Iterator[SqliteTransaction]:
        if not self._path.is_file():
            raise StoreError(f"there is no database {self._path}")
        try:
            with closing(connect(self._path)) as connection:
                yield connection
        except sqlite3.Error as error:
            raise StoreError(f"cannot use the database {self._path}: {error}") from None
