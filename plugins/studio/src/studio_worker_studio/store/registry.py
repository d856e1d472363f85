"""The model registry, and the log entries that workers ship."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import msgspec

from studio_worker_core.wire.frames import LogEntry
from studio_worker_core.wire.models import ModelSource
from studio_worker_core.wire.tasks import TaskKind
from studio_worker_studio.store.database import Database
from studio_worker_studio.store.records import LogRecord, ModelRecord

__all__ = ["Logs", "Models"]


class Models:
    """What ``POST /jobs`` may name without a source of its own."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def seed(self, models: Sequence[ModelRecord]) -> None:
        """Fill the registry of a new studio; one that was ever filled is left alone."""

        def work(c: sqlite3.Connection) -> None:
            if c.execute("INSERT OR IGNORE INTO marks VALUES ('models seeded')").rowcount:
                for model in models:
                    _put(c, model)

        await self._database.write(work)

    async def get(self, model_id: str) -> ModelRecord | None:
        """One model."""

        def work(c: sqlite3.Connection) -> ModelRecord | None:
            row = c.execute("SELECT * FROM models WHERE model_id = ?", (model_id,)).fetchone()
            return None if row is None else _model_of(row)

        return await self._database.read(work)

    async def page(self, after: str | None, limit: int) -> list[ModelRecord]:
        """Models by id."""

        def work(c: sqlite3.Connection) -> list[ModelRecord]:
            rows = c.execute(
                "SELECT * FROM models WHERE model_id > ? ORDER BY model_id LIMIT ?",
                (after or "", limit),
            )
            return [_model_of(row) for row in rows]

        return await self._database.read(work)

    async def put(self, model: ModelRecord) -> bool:
        """Add or replace; True when it is new."""

        def work(c: sqlite3.Connection) -> bool:
            query = "SELECT 1 FROM models WHERE model_id = ?"
            new = c.execute(query, (model.model_id,)).fetchone() is None
            _put(c, model)
            return new

        return await self._database.write(work, durable=True)

    async def delete(self, model_id: str) -> bool:
        """Remove; False when there is none."""

        def work(c: sqlite3.Connection) -> bool:
            return bool(c.execute("DELETE FROM models WHERE model_id = ?", (model_id,)).rowcount)

        return await self._database.write(work, durable=True)


class Logs:
    """Shipped log entries, the newest ``max_entries`` of them."""

    def __init__(self, database: Database, max_entries: int) -> None:
        self._database = database
        self._max_entries = max_entries

    async def add(self, worker_id: str, entries: Sequence[LogEntry]) -> None:
        """Keep what a worker shipped."""

        def work(c: sqlite3.Connection) -> None:
            c.executemany(
                "INSERT INTO logs (worker_id, job_id, ts, level, category, message)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                [(worker_id, e.job_id, e.ts, e.level, e.category, e.message) for e in entries],
            )
            newest = c.execute("SELECT max(id) FROM logs").fetchone()[0] or 0
            c.execute("DELETE FROM logs WHERE id <= ?", (newest - self._max_entries,))

        await self._database.write(work)

    async def page(
        self, *, job_id: str | None, worker_id: str | None, after: int, limit: int
    ) -> list[LogRecord]:
        """Entries in the order they came, after the one numbered ``after``."""
        where = ["id > ?"]
        chosen: list[str | int] = [after]
        for column, value in (("job_id", job_id), ("worker_id", worker_id)):
            if value is not None:
                where.append(f"{column} = ?")
                chosen.append(value)

        def work(c: sqlite3.Connection) -> list[LogRecord]:
            rows = c.execute(
                f"SELECT * FROM logs WHERE {' AND '.join(where)} ORDER BY id LIMIT ?",  # noqa: S608 - fixed column names
                (*chosen, limit),
            )
            return [
                LogRecord(
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
                for row in rows
            ]

        return await self._database.read(work)


def _put(c: sqlite3.Connection, model: ModelRecord) -> None:
    c.execute(
        "INSERT INTO models (model_id, display_name, kind, vram_gb, source, enabled)"
        " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (model_id) DO UPDATE SET"
        " display_name = excluded.display_name, kind = excluded.kind,"
        " vram_gb = excluded.vram_gb, source = excluded.source, enabled = excluded.enabled",
        (
            model.model_id,
            model.display_name,
            model.kind,
            model.vram_gb,
            msgspec.json.encode(model.source),
            model.enabled,
        ),
    )


def _model_of(row: sqlite3.Row) -> ModelRecord:
    return ModelRecord(
        model_id=row["model_id"],
        display_name=row["display_name"],
        kind=None if row["kind"] is None else TaskKind(row["kind"]),
        vram_gb=row["vram_gb"],
        source=msgspec.json.decode(row["source"], type=ModelSource),
        enabled=bool(row["enabled"]),
    )
