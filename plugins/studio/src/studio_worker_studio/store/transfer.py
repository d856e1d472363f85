"""A whole studio from one database into another, compared before it counts."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

import msgspec
from msgspec import Struct

from studio_worker_studio.errors import StoreError
from studio_worker_studio.store.sql.tables import TABLES, check_empty, fill, rows_of
from studio_worker_studio.store.sql.transaction import Transaction

_ROWS = 100


class Place(Protocol):
    """A database as a whole, outside a studio. Every method raises
    :class:`~studio_worker_studio.errors.StoreError` when the database fails."""

    newest: int
    """The version of the tables that this program makes."""

    def version(self) -> int:
        """The version of its tables; 0 when it has none."""

    def check(self) -> None:
        """
        Raises:
            StoreError: it is damaged, or its tables are not what their version says.
        """

    def snapshot(self) -> AbstractContextManager[Transaction]:
        """What is in it at one moment, whatever others write meanwhile."""

    def last_numbers(self, c: Transaction) -> Mapping[str, int]:
        """The last key that each numbered table gave."""

    def filling(self) -> AbstractContextManager[Transaction]:
        """One transaction on current tables: all of it counts at its end, or nothing when it
        raises."""

    def go_on_from(self, c: Transaction, numbers: Mapping[str, int]) -> None:
        """Give keys above these from now on."""


class FilePlace(Place, Protocol):
    """A database in one file."""

    def copy_to(self, target: Path) -> None:
        """A copy as it is at one moment, whatever its version, also while a studio writes. It
        takes as much room again. ``target`` is made, or is empty."""


class Moved(Struct, frozen=True):
    """One table: how many rows, and the SHA-256 of them all, which was the same on both sides."""

    table: str
    rows: int
    sha256: str


class _Digest:
    def __init__(self) -> None:
        self.rows = 0
        self._sha256 = hashlib.sha256()

    def add(self, row: list[Any]) -> list[Any]:
        self.rows += 1
        self._sha256.update(msgspec.json.encode(row) + b"\n")
        return row

    def of(self, table: str) -> Moved:
        return Moved(table, self.rows, self._sha256.hexdigest())


def transfer(source: Place, target: Place) -> list[Moved]:
    """Copy every row, read them back, and compare counts and digests. Answers what was moved.

    Raises:
        StoreError: a database failed, the target is not empty, or what arrived is not what was
            sent: the target is as it was then.
    """
    if (version := source.version()) != source.newest:
        raise StoreError(
            f"the database has version {version}, not {source.newest}: "
            "run 'studio-worker studio migrate' on it first"
        )
    with source.snapshot() as old, target.filling() as new:
        check_empty(new)
        sent = []
        for table in TABLES:
            digest = _Digest()
            for rows in _batches(map(digest.add, rows_of(old, table))):
                fill(new, table, rows)
            sent.append(digest.of(table.name))
        target.go_on_from(new, source.last_numbers(old))
        if (arrived := digests(new)) != sent:
            different = [a.table for a, b in zip(sent, arrived, strict=True) if a != b]
            raise StoreError(f"the copy is not the same: {', '.join(different)}; nothing was kept")
    return sent


def digests(c: Transaction) -> list[Moved]:
    """Counts and digests of all tables."""
    found = []
    for table in TABLES:
        digest = _Digest()
        for row in rows_of(c, table):
            digest.add(row)
        found.append(digest.of(table.name))
    return found


def _batches(rows: Iterable[list[Any]]) -> Iterator[list[list[Any]]]:
    left = iter(rows)
    while batch := list(islice(left, _ROWS)):
        yield batch
