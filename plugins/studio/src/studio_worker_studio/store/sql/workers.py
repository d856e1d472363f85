"""The workers that were let in, in SQL."""

from __future__ import annotations

import msgspec

from studio_worker_core.wire.capabilities import Capabilities
from studio_worker_studio.auth import new_token, sha256_hex
from studio_worker_studio.store.records import WorkerRecord
from studio_worker_studio.store.sql.transaction import Database, Row, Transaction


class SqlWorkers:
    """:class:`~studio_worker_studio.store.interface.WorkerStore` in SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, worker_id: str) -> WorkerRecord | None:
        def work(c: Transaction) -> WorkerRecord | None:
            row = c.execute("SELECT * FROM workers WHERE worker_id = ?", (worker_id,)).fetchone()
            return None if row is None else _worker_of(row)

        return await self._database.read(work)

    async def page(self, after: str | None, limit: int) -> list[WorkerRecord]:
        def work(c: Transaction) -> list[WorkerRecord]:
            rows = c.execute(
                "SELECT * FROM workers WHERE deleted_at IS NULL"
                " AND id > coalesce((SELECT id FROM workers WHERE worker_id = ?), 0)"
                " ORDER BY id LIMIT ?",
                (after, limit),
            )
            return [_worker_of(row) for row in rows]

        return await self._database.read(work)

    async def seen(self, worker_id: str, capabilities: Capabilities, now: float) -> None:
        def work(c: Transaction) -> None:
            c.execute(
                "UPDATE workers SET capabilities = ?, last_heartbeat_at = ? WHERE worker_id = ?",
                (msgspec.json.encode(capabilities), now, worker_id),
            )

        await self._database.write(work)

    async def delete(self, worker_id: str, now: float) -> bool:
        def work(c: Transaction) -> bool:
            return bool(
                c.execute(
                    "UPDATE workers SET deleted_at = ? WHERE worker_id = ? AND deleted_at IS NULL",
                    (now, worker_id),
                ).rowcount
            )

        return await self._database.write(work, durable=True)

    async def mint_token(self, worker_id: str) -> str | None:
        token = new_token()

        def work(c: Transaction) -> bool:
            return bool(
                c.execute(
                    "UPDATE workers SET token_hash = ? WHERE worker_id = ? AND deleted_at IS NULL",
                    (sha256_hex(token), worker_id),
                ).rowcount
            )

        return token if await self._database.write(work, durable=True) else None


def _worker_of(row: Row) -> WorkerRecord:
    return WorkerRecord(
        worker_id=row["worker_id"],
        install_id=row["install_id"],
        token_hash=row["token_hash"],
        capabilities=msgspec.json.decode(row["capabilities"], type=Capabilities),
        user_agent=row["user_agent"],
        created_at=row["created_at"],
        last_heartbeat_at=row["last_heartbeat_at"],
        deleted_at=row["deleted_at"],
    )
