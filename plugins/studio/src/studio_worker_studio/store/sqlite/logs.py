"""The log entries that workers ship, bounded by number, bytes and age."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from studio_worker_core.wire.frames import LogEntry
from studio_worker_studio.store.records import LogRecord
from studio_worker_studio.store.sqlite.database import Database

_BATCH = 1000
_ROW_BYTES = 64
"""Counted for what an entry takes beside its text."""


class SqliteLogs:
    """:class:`~studio_worker_studio.store.interface.LogStore` on one SQLite file: at most
    ``max_entries`` entries and ``max_bytes`` in all."""

    def __init__(self, database: Database, max_entries: int, max_bytes: int) -> None:
        self._database = database
        self._max_entries = max_entries
        self._max_bytes = max_bytes

    async def add(self, worker_id: str, entries: Sequence[LogEntry], now: float) -> None:
        def work(c: sqlite3.Connection) -> None:
            c.executemany(
                "INSERT INTO logs (worker_id, job_id, ts, level, category, message, received_at,"
                " bytes) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    (worker_id, e.job_id, e.ts, e.level, e.category, e.message, now, _bytes_of(e))
                    for e in entries
                ],
            )
            newest = c.execute("SELECT max(id) FROM logs").fetchone()[0] or 0
            c.execute("DELETE FROM logs WHERE id <= ?", (newest - self._max_entries,))
            while _shorten(c, self._max_bytes):
                pass

        await self._database.write(work)

    async def forget(self, before: float) -> None:
        def work(c: sqlite3.Connection) -> int:
            return c.execute(
                "DELETE FROM logs WHERE id IN"
                " (SELECT id FROM logs WHERE received_at < ? ORDER BY received_at LIMIT ?)",
                (before, _BATCH),
            ).rowcount

        while await self._database.write(work):
            pass

    async def delete(self, *, job_id: str | None, worker_id: str | None) -> int:
        where, chosen = _chosen(job_id, worker_id)

        def work(c: sqlite3.Connection) -> int:
            return c.execute(f"DELETE FROM logs WHERE {where}", chosen).rowcount  # noqa: S608 - fixed column names

        return await self._database.write(work, durable=True)

    async def page(
        self,
        *,
        job_id: str | None,
        worker_id: str | None,
        after: int | None,
        limit: int,
        newest_first: bool = False,
    ) -> list[LogRecord]:
        where, chosen = _chosen(job_id, worker_id)
        sign, order = ("<", "DESC") if newest_first else (">", "ASC")
        if after is not None:
            where, chosen = f"{where} AND id {sign} ?", [*chosen, after]

        def work(c: sqlite3.Connection) -> list[LogRecord]:
            rows = c.execute(
                f"SELECT * FROM logs WHERE {where} ORDER BY id {order} LIMIT ?",  # noqa: S608 - fixed column names
                (*chosen, limit),
            )
            return [_log_of(row) for row in rows]

        return await self._database.read(work)


def _chosen(job_id: str | None, worker_id: str | None) -> tuple[str, list[str | int]]:
    given = [(c, v) for c, v in (("job_id", job_id), ("worker_id", worker_id)) if v is not None]
    return " AND ".join(f"{column} = ?" for column, _ in given) or "1", [v for _, v in given]


def _bytes_of(entry: LogEntry) -> int:
    return _ROW_BYTES + sum(
        len(text.encode("utf-8", "surrogatepass")) for text in (entry.message, entry.category)
    )


def _shorten(c: sqlite3.Connection, max_bytes: int) -> bool:
    """Remove some of the oldest entries while there are too many bytes; whether it may have to
    be done again."""
    over = c.execute("SELECT bytes FROM log_total").fetchone()[0] - max_bytes
    if over <= 0:
        return False
    last = None
    for row in c.execute("SELECT id, bytes FROM logs ORDER BY id LIMIT ?", (_BATCH,)):
        last, over = row["id"], over - row["bytes"]
        if over <= 0:
            break
    if last is not None:
        c.execute("DELETE FROM logs WHERE id <= ?", (last,))
    return last is not None


def _log_of(row: sqlite3.Row) -> LogRecord:
    return LogRecord(
        id=row["id"],
        worker_id=row["worker_id"],
        entry=LogEntry(
            ts=row["ts"],
            level=row["level"],
            category=row["category"],
            message=row["message"],
            job_id=row["job_id"],
        ),
    )
