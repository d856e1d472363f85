"""The requests to be let in, in SQL."""

from __future__ import annotations

import msgspec

from studio_worker_core.wire.capabilities import Capabilities
from studio_worker_core.wire.registration import RegisterRequest
from studio_worker_studio.auth import new_id, new_token, sha256_hex
from studio_worker_studio.store.records import Full, PendingLimits, RegistrationRecord
from studio_worker_studio.store.sql.transaction import Database, Row, Transaction


class SqlRegistrations:
    """:class:`~studio_worker_studio.store.interface.RegistrationStore` in SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def ask(
        self, request: RegisterRequest, source_address: str, now: float, limits: PendingLimits
    ) -> RegistrationRecord | Full:
        secret_hash = request.registration_secret_hash.lower()
        described = msgspec.json.encode(request.capabilities)

        def work(c: Transaction) -> RegistrationRecord | Full:
            _forget(c, now - limits.keep_seconds)
            pending = _pending(c, request.install_id, secret_hash)
            if pending is not None:
                c.execute(
                    "UPDATE registrations SET capabilities = ?, user_agent = ?,"
                    " source_address = ? WHERE request_id = ?",
                    (described, request.user_agent, source_address, pending),
                )
                return _known(c, pending)
            approved = _approved(c, request.install_id, secret_hash)
            if approved is not None:
                return _known(c, approved)
            if request.replaces is not None:
                c.execute(
                    "DELETE FROM registrations WHERE state = 'pending' AND install_id = ?"
                    " AND source_address = ?",
                    (request.replaces, source_address),
                )
            if (full := _full(c, source_address, limits)) is not None:
                return full
            request_id = new_id("rr")
            c.execute(
                "INSERT INTO registrations (request_id, install_id, secret_hash, capabilities,"
                " user_agent, source_address, state, created_at)"
                " VALUES (?, ?, ?, ?, ?, ?, 'pending', ?)",
                (
                    request_id,
                    request.install_id,
                    secret_hash,
                    described,
                    request.user_agent,
                    source_address,
                    now,
                ),
            )
            return _known(c, request_id)

        return await self._database.write(work, durable=True)

    async def forget_pending(self, before: float) -> None:
        await self._database.write(lambda c: _forget(c, before))

    async def get(self, request_id: str) -> RegistrationRecord | None:
        return await self._database.read(lambda c: _registration(c, request_id))

    async def pending(self, after: str | None, limit: int) -> list[RegistrationRecord]:
        def work(c: Transaction) -> list[RegistrationRecord]:
            rows = c.execute(
                "SELECT * FROM registrations WHERE state = 'pending'"
                " AND id > coalesce((SELECT id FROM registrations WHERE request_id = ?), 0)"
                " ORDER BY id LIMIT ?",
                (after, limit),
            )
            return [_registration_of(row) for row in rows]

        return await self._database.read(work)

    async def count_pending(self) -> int:
        def work(c: Transaction) -> int:
            rows = c.execute("SELECT count(*) AS times FROM registrations WHERE state = 'pending'")
            return int(rows.fetchall()[0]["times"])

        return await self._database.read(work)

    async def approve(self, request_id: str, now: float) -> RegistrationRecord | None:
        def work(c: Transaction) -> RegistrationRecord | None:
            query = f"SELECT * FROM registrations WHERE request_id = ?{c.for_update}"  # noqa: S608 - fixed text
            row = c.execute(query, (request_id,)).fetchone()
            request = None if row is None else _registration_of(row)
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
        def work(c: Transaction) -> bool:
            return bool(
                c.execute(
                    "UPDATE registrations SET state = 'rejected', reason = ?, decided_at = ?"
                    " WHERE request_id = ? AND state = 'pending'",
                    (reason, now, request_id),
                ).rowcount
            )

        return await self._database.write(work, durable=True)


def _forget(c: Transaction, before: float) -> None:
    c.execute("DELETE FROM registrations WHERE state = 'pending' AND created_at < ?", (before,))


def _full(c: Transaction, source_address: str, limits: PendingLimits) -> Full | None:
    count = "SELECT count(*) AS times FROM registrations WHERE state = 'pending'"
    here = c.execute(f"{count} AND source_address = ?", (source_address,)).fetchone()["times"]
    if here >= limits.per_address:
        return Full.ADDRESS
    return Full.STUDIO if c.execute(count).fetchone()["times"] >= limits.all else None


def _pending(c: Transaction, install_id: str, secret_hash: str) -> str | None:
    row = c.execute(
        "SELECT request_id FROM registrations WHERE state = 'pending'"
        " AND install_id = ? AND secret_hash = ?",
        (install_id, secret_hash),
    ).fetchone()
    return None if row is None else str(row["request_id"])


def _approved(c: Transaction, install_id: str, secret_hash: str) -> str | None:
    """The latest one that was let in and whose worker is still there."""
    row = c.execute(
        "SELECT r.request_id FROM registrations r JOIN workers w USING (worker_id)"
        " WHERE r.state = 'approved' AND r.install_id = ? AND r.secret_hash = ?"
        " AND w.deleted_at IS NULL ORDER BY r.id DESC LIMIT 1",
        (install_id, secret_hash),
    ).fetchone()
    return None if row is None else str(row["request_id"])


def _known(c: Transaction, request_id: str) -> RegistrationRecord:
    record = _registration(c, request_id)
    assert record is not None
    return record


def _registration(c: Transaction, request_id: str) -> RegistrationRecord | None:
    row = c.execute("SELECT * FROM registrations WHERE request_id = ?", (request_id,)).fetchone()
    return None if row is None else _registration_of(row)


def _registration_of(row: Row) -> RegistrationRecord:
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
