"""The tables of the studio, for whoever reads or fills whole ones: the columns are the same in
every database."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from msgspec import Struct

from studio_worker_studio.errors import StoreError
from studio_worker_studio.store.sql.transaction import Transaction

_BATCH = 200


class Table(Struct, frozen=True):
    """One table. Rows are read in the order of ``key``, which is the first of the columns and
    unique; a ``numbered`` one gives its keys itself, and never again. ``flags`` are columns of
    yes and no, which some databases keep as numbers."""

    name: str
    columns: tuple[str, ...]
    numbered: bool = False
    flags: frozenset[str] = frozenset()

    @property
    def key(self) -> str:
        return self.columns[0]


_JOBS = (
    "id job_id state kind priority model engine shape vram_gb task source game_id asset_name"
    " attempts max_attempts claims worker_id cancel_requested error created_at claimed_at"
    " finished_at prompt result_ext result_mime result_bytes result_sha256 result_json"
    " result_removed_at meta"
)
_WORKERS = (
    "id worker_id install_id token_hash capabilities user_agent created_at last_heartbeat_at"
    " deleted_at"
)
_REGISTRATIONS = (
    "id request_id install_id secret_hash capabilities user_agent source_address state reason"
    " worker_id created_at decided_at"
)
_LOGS = "id worker_id job_id ts level category message received_at bytes"

TABLES = (
    Table("jobs", tuple(_JOBS.split()), numbered=True, flags=frozenset({"cancel_requested"})),
    Table("workers", tuple(_WORKERS.split()), numbered=True),
    Table("registrations", tuple(_REGISTRATIONS.split()), numbered=True),
    Table(
        "models",
        ("model_id", "display_name", "kind", "vram_gb", "source", "enabled"),
        flags=frozenset({"enabled"}),
    ),
    Table("marks", ("name",)),
    Table("logs", tuple(_LOGS.split()), numbered=True),
    Table("submissions", ("key", "body_sha256", "job_id", "created_at")),
)
"""All of them but the sum of the log entries' bytes, which the databases keep themselves."""


def rows_of(c: Transaction, table: Table) -> Iterator[list[Any]]:
    """All rows in the order of their key, in values that mean the same in every database. A
    batch at a time is in memory."""
    names = ", ".join(table.columns)
    first = f"SELECT {names} FROM {table.name} ORDER BY {table.key} LIMIT {_BATCH}"  # noqa: S608 - fixed names
    next_ones = f"SELECT {names} FROM {table.name} WHERE {table.key} > ? ORDER BY {table.key}"  # noqa: S608 - fixed names
    batch = c.execute(first).fetchall()
    while batch:
        for row in batch:
            yield [_plain(table, column, row[column]) for column in table.columns]
        batch = c.execute(f"{next_ones} LIMIT {_BATCH}", (batch[-1][table.key],)).fetchall()


def fill(c: Transaction, table: Table, rows: Sequence[Sequence[Any]]) -> None:
    """Put some rows into a table; not too many at once."""
    marks = f"({', '.join('?' * len(table.columns))})"
    c.execute(
        f"INSERT INTO {table.name} ({', '.join(table.columns)})"  # noqa: S608 - fixed names
        f" VALUES {', '.join([marks] * len(rows))}",
        [value for row in rows for value in row],
    )


def check_columns(c: Transaction) -> None:
    """
    Raises:
        StoreError: a table has not the columns that this program reads and writes.
    """
    for table in TABLES:
        found = c.execute(f"SELECT * FROM {table.name} LIMIT 0").description or ()  # noqa: S608 - fixed names
        if odd := {each[0] for each in found} ^ {*table.columns}:
            raise StoreError(
                f"the table {table.name} is not as it should be ({', '.join(sorted(odd))}): "
                "somebody else has changed it"
            )


def check_empty(c: Transaction) -> None:
    """
    Raises:
        StoreError: a table has rows: there is a studio in this database.
    """
    for table in TABLES:
        if c.execute(f"SELECT {table.key} FROM {table.name} LIMIT 1").fetchone() is not None:  # noqa: S608 - fixed names
            raise StoreError(
                f"the database is not empty (it has {table.name}); nothing is written over: "
                "give a new one"
            )


def _plain(table: Table, column: str, value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\0", "\N{SYMBOL FOR NULL}")  # which not every database keeps
    return bool(value) if column in table.flags else value
