"""The workers that were let in, and the requests to be let in."""

from __future__ import annotations

import sqlite3

import msgspec

from studio_worker_core.wire.capabilities import Capabilities
from studio_worker_core.wire.registration import RegisterRequest
from studio_worker_studio.auth import new_id, new_token, sha256_hex
from studio_worker_studio.store.database import Database
from studio_worker_studio.store.records import RegistrationRecord, WorkerRecord

__all__ = ["Registrations", "Workers"]


class Workers:
    """The roster. A deleted worker is kept as a name that is refused with the reason."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, worker_id: str) -> WorkerRecord | None:
        """One worker, deleted or not."""

        def work(c: sqlite3.Connection) -> WorkerRecord | None:
            row = c.execute("SELECT * FROM workers WHERE worker_id = ?", (worker_id,)).fetchone()
            return None if row is None else _worker_of(row)

        return await self._database.read(work)

    async def page(self, after: str | None, limit: int) -> list[WorkerRecord]:
        """Workers in the order they were let in, deleted ones left out."""

        def work(c: sqlite3.Connection) -> list[WorkerRecord]:
            rows = c.execute(
                "SELECT * FROM workers WHERE deleted_at IS NULL"
                " AND id > coalesce((SELECT id FROM workers WHERE worker_id = ?), 0)"
                " ORDER BY id LIMIT ?",
                (after, limit),
            )
            return [_worker_of(row) for row in rows]

        return await self._database.read(work)

    async def seen(self, worker_id: str, capabilities: Capabilities, now: float) -> None:
        """Keep what a worker last said about itself."""

        def work(c: sqlite3.Connection) -> None:
            c.execute(
                "UPDATE workers SET capabilities = ?, last_heartbeat_at = ? WHERE worker_id = ?",
                (msgspec.json.encode(capabilities), now, worker_id),
            )

        await self._database.write(work)

    async def delete(self, worker_id: str, now: float) -> bool:
        """Strike a worker off; False when there is none."""

        def work(c: sqlite3.Connection) -> bool:
            return bool(
                c.execute(
                    "UPDATE workers SET deleted_at = ? WHERE worker_id = ? AND deleted_at IS NULL",
                    (now, worker_id),
                ).rowcount
            )

        return await self._database.write(work, durable=True)


class Registrations:
    """Requests to be let in (protocol §2)."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def ask(
        self, request: RegisterRequest, source_address: str, now: float, max_pending: int
    ) -> RegistrationRecord | None:
        """Note a request. The same install has at most one pending: it gets that one again.
        None when too many wait already."""

        def work(c: sqlite3.Connection) -> RegistrationRecord | None:
            row = c.execute(
                "SELECT * FROM registrations WHERE install_id = ? AND state = 'pending'",
                (request.install_id,),
            ).fetchone()
            if row is not None:
                # An install that lost its secret asks with a new one: only that can poll.
                c.execute(
                    "UPDATE registrations SET secret_hash = ?, capabilities = ?,"
                    " user_agent = ?, source_address = ? WHERE request_id = ?",
                    (
                        request.registration_secret_hash.lower(),
                        msgspec.json.encode(request.capabilities),
                        request.user_agent,
                        source_address,
                        row["request_id"],
                    ),
                )
                return _registration(c, row["request_id"])
            waiting = "SELECT count(*) FROM registrations WHERE state = 'pending'"
            if c.execute(waiting).fetchone()[0] >= max_pending:
                return None
            request_id = new_id("rr")
            c.execute(
                "INSERT INTO registrations (request_id, install_id, secret_hash, capabilities,"
                " user_agent, source_address, state, created_at)"
                " VALUES (?, ?, ?, ?, ?, ?, 'pending', ?)",
                (
                    request_id,
                    request.install_id,
                    request.registration_secret_hash.lower(),
                    msgspec.json.encode(request.capabilities),
                    request.user_agent,
                    source_address,
                    now,
                ),
            )
            return _registration(c, request_id)

        return await self._database.write(work, durable=True)

    async def get(self, request_id: str) -> RegistrationRecord | None:
        """One request, whatever became of it."""
        return await self._database.read(lambda c: _registration(c, request_id))

    async def pending(self, after: str | None, limit: int) -> list[RegistrationRecord]:
        """The requests that wait for a decision, oldest first."""

        def work(c: sqlite3.Connection) -> list[RegistrationRecord]:
            rows = c.execute(
                "SELECT * FROM registrations WHERE state = 'pending'"
                " AND id > coalesce((SELECT id FROM registrations WHERE request_id = ?), 0)"
                " ORDER BY id LIMIT ?",
                (after, limit),
            )
            return [_registration_of(row) for row in rows]

        return await self._database.read(work)

    async def approve(self, request_id: str, now: float) -> RegistrationRecord | None:
        """Let a worker in. Approving twice changes nothing; None when it is not to be had.

        The token minted here is known to nobody: the poll that fetches the approval mints
        the one that counts, so that no secret has to be kept until then.
        """

        def work(c: sqlite3.Connection) -> RegistrationRecord | None:
            request = _registration(c, request_id)
            if request is None or request.state == "rejected":
                return None
            if request.state == "approved":
                return request
            worker_id = new_id("worker")
            c.execute(
                "INSERT INTO workers (worker_id, install_id, token_hash, capabilities,"
                " user_agent, created_at) VALUES (?, ?, ?, ?, ?, ?)",
                (
                    worker_id,
                    request.install_id,
                    sha256_hex(new_token()),
                    msgspec.json.encode(request.capabilities),
                    request.user_agent,
                    now,
                ),
            )
            c.execute(
                "UPDATE registrations SET state = 'approved', worker_id = ?, decided_at = ?"
                " WHERE id = ?",
                (worker_id, now, request.id),
            )
            return _registration(c, request_id)

        return await self._database.write(work, durable=True)

    async def reject(self, request_id: str, reason: str | None, now: float) -> bool:
        """Turn a request down; False when it does not wait for a decision."""

        def work(c: sqlite3.Connection) -> bool:
            return bool(
                c.execute(
                    "UPDATE registrations SET state = 'rejected', reason = ?, decided_at = ?"
                    " WHERE request_id = ? AND state = 'pending'",
                    (reason, now, request_id),
                ).rowcount
            )

        return await self._database.write(work, durable=True)

    async def mint_token(self, worker_id: str) -> str | None:
        """A fresh token for an approved worker; the one before ends. None when the worker was
        deleted meanwhile."""
        token = new_token()

        def work(c: sqlite3.Connection) -> bool:
            return bool(
                c.execute(
                    "UPDATE workers SET token_hash = ? WHERE worker_id = ? AND deleted_at IS NULL",
                    (sha256_hex(token), worker_id),
                ).rowcount
            )

        return token if await self._database.write(work, durable=True) else None


def _registration(c: sqlite3.Connection, request_id: str) -> RegistrationRecord | None:
    row = c.execute("SELECT * FROM registrations WHERE request_id = ?", (request_id,)).fetchone()
    return None if row is None else _registration_of(row)


def _registration_of(row: sqlite3.Row) -> RegistrationRecord:
    return RegistrationRecord(
        id=row["id"],
        request_id=row["request_id"],
        install_id=row["install_id"],
        secret_hash=row["secret_hash"],
        capabilities=msgspec.json.decode(row["capabilities"], type=Capabilities),
        user_agent=row["user_agent"],
        source_address=row["source_address"],
        state=row["state"],
        created_at=row["created_at"],
        reason=row["reason"],
        worker_id=row["worker_id"],
    )


def _worker_of(row: sqlite3.Row) -> WorkerRecord:
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
