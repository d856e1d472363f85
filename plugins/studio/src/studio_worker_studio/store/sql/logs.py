"""The log entries that workers ship, bounded by number, bytes and age."""

from __future__ import annotations

from collections.abc import Sequence

from studio_worker_core.wire.frames import LogEntry
from studio_worker_studio.store.records import LogRecord
from studio_worker_studio.store.sql.transaction import Database, Row, Transaction

_BATCH = 1000
_ROWS = 100
"""Of one statement."""
_ROW_BYTES = 64
"""Counted for what an entry takes beside its text."""


class SqlLogs:
    """:class:`~studio_worker_studio.store.interface.LogStore` in SQL: at most
    ``max_entries`` entries and ``max_bytes`` in all."""

    def __init__(self, database: Database, max_entries: int, max_bytes: int) -> None:
        self._database = database
        self._max_entries = max_entries
        self._max_bytes = max_bytes

    async def add(self, worker_id: str, entries: Sequence[LogEntry], now: float) -> None:
        def work(c: Transaction) -> None:
            # One after another, so that no entry gets a number below one that was read before it.
            c.execute(f"SELECT bytes FROM log_total{c.for_update}")  # noqa: S608 - fixed text
            for start in range(0, len(entries), _ROWS):
                _insert(c, worker_id, entries[start : start + _ROWS], now)
            newest = c.execute("SELECT max(id) AS id FROM logs").fetchone()["id"] or 0
            c.execute("DELETE FROM logs WHERE id <= ?", (newest - self._max_entries,))
            while _shorten(c, self._max_bytes):
                pass

        await self._database.write(work)

    async def forget(self, before: float) -> None:
        def work(c: Transaction) -> int:
            return c.execute(
                "DELETE FROM logs WHERE id IN"
                " (SELECT id FROM logs WHERE received_at < ? ORDER BY received_at LIMIT ?)",
                (before, _BATCH),
            ).rowcount

        while await self._database.write(work):
            pass

    async def delete(self, *, job_id: str | None, worker_id: str | None) -> int:
        where, chosen = _chosen(job_id, worker_id)

        def work(c: Transaction) -> int:
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

        def work(c: Transaction) -> list[LogRecord]:
            rows = c.execute(
                f"SELECT * FROM logs WHERE {where} ORDER BY id {order} LIMIT ?",  # noqa: S608 - fixed column names
                (*chosen, limit),
            )
            return [_log_of(row) for row in rows]

        return await self._database.read(work)


def _chosen(job_id: str | None, worker_id: str | None) -> tuple[str, list[str | int]]:
    given = [(c, v) for c, v in (("job_id", job_id), ("worker_id", worker_id)) if v is not None]
    return " AND ".join(f"{column} = ?" for column, _ in given) or "TRUE", [v for _, v in given]


def _insert(c: Transaction, worker_id: str, entries: Sequence[LogEntry], now: float) -> None:
    rows = ", ".join(["(?, ?, ?, ?, ?, ?, ?, ?)"] * len(entries))
    values: list[str | int | float | None] = []
    for e in entries:
        values += (worker_id, e.job_id, e.ts, e.level, e.category, e.message, now, _bytes_of(e))
    c.execute(
        "INSERT INTO logs (worker_id, job_id, ts, level, category, message, received_at, bytes)"  # noqa: S608 - marks only
        f" VALUES {rows}",
        values,
    )


def _bytes_of(entry: LogEntry) -> int:
    return _ROW_BYTES + sum(
        len(text.encode("utf-8", "surrogatepass")) for text in (entry.message, entry.category)
    )


def _shorten(c: Transaction, max_bytes: int) -> bool:
    """Remove some of the oldest entries while there are too many bytes; whether it may have to
    be done again."""
    over = c.execute("SELECT bytes FROM log_total").fetchone()["bytes"] - max_bytes
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


def _log_of(row: Row) -> LogRecord:
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
