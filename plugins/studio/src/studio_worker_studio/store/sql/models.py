"""The model registry, in SQL."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from studio_worker_core.wire.models import ModelSource
from studio_worker_core.wire.tasks import TaskKind
from studio_worker_studio.store.records import ModelRecord
from studio_worker_studio.store.sql.transaction import Database, Row, Transaction


class SqlModels:
    """:class:`~studio_worker_studio.store.interface.ModelStore` in SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def seed(self, models: Sequence[ModelRecord]) -> None:
        def work(c: Transaction) -> None:
            if c.execute(
                "INSERT INTO marks VALUES ('models seeded') ON CONFLICT DO NOTHING"
            ).rowcount:
                for model in models:
                    _put(c, model)

        await self._database.write(work)

    async def get(self, model_id: str) -> ModelRecord | None:
        def work(c: Transaction) -> ModelRecord | None:
            row = c.execute("SELECT * FROM models WHERE model_id = ?", (model_id,)).fetchone()
            return None if row is None else _model_of(row)

        return await self._database.read(work)

    async def page(self, after: str | None, limit: int) -> list[ModelRecord]:
        def work(c: Transaction) -> list[ModelRecord]:
            rows = c.execute(
                "SELECT * FROM models WHERE model_id > ? ORDER BY model_id LIMIT ?",
                (after or "", limit),
            )
            return [_model_of(row) for row in rows]

        return await self._database.read(work)

    async def put(self, model: ModelRecord) -> bool:
        def work(c: Transaction) -> bool:
            query = "SELECT 1 FROM models WHERE model_id = ?"
            new = c.execute(query, (model.model_id,)).fetchone() is None
            _put(c, model)
            return new

        return await self._database.write(work, durable=True)

    async def delete(self, model_id: str) -> bool:
        def work(c: Transaction) -> bool:
            return bool(c.execute("DELETE FROM models WHERE model_id = ?", (model_id,)).rowcount)

        return await self._database.write(work, durable=True)


def _put(c: Transaction, model: ModelRecord) -> None:
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


def _model_of(row: Row) -> ModelRecord:
    return ModelRecord(
        model_id=row["model_id"],
        display_name=row["display_name"],
        kind=None if row["kind"] is None else TaskKind(row["kind"]),
        vram_gb=row["vram_gb"],
        source=msgspec.json.decode(row["source"], type=ModelSource),
        enabled=bool(row["enabled"]),
    )
