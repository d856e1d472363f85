"""What the studio asks of its memory, whatever database is behind it.

Every method is one transaction; it raises :class:`~studio_worker_studio.errors.StoreError` when
the database fails, and nothing has changed then. Times are seconds since the epoch, UTC.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from studio_worker_core.wire.capabilities import Capabilities
from studio_worker_core.wire.frames import LogEntry
from studio_worker_core.wire.registration import RegisterRequest
from studio_worker_studio.store.jobs import JobStore
from studio_worker_studio.store.records import (
    Full,
    LogRecord,
    ModelRecord,
    PendingLimits,
    RegistrationRecord,
    WorkerRecord,
)


class WorkerStore(Protocol):
    """The roster. A deleted worker is kept as a name that is refused with the reason."""

    async def get(self, worker_id: str) -> WorkerRecord | None:
        """One worker, deleted or not."""

    async def page(self, after: str | None, limit: int) -> list[WorkerRecord]:
        """Workers in the order they were let in, deleted ones left out."""

    async def seen(self, worker_id: str, capabilities: Capabilities, now: float) -> None:
        """Keep what a worker last said about itself."""

    async def mint_token(self, worker_id: str) -> str | None:
        """A fresh token for an approved worker; the one before ends. None when the worker was
        deleted meanwhile."""

    async def delete(self, worker_id: str, now: float) -> bool:
        """Strike a worker off; False when there is none."""


class RegistrationStore(Protocol):
    """Requests to be let in (protocol §2)."""

    async def ask(
        self, request: RegisterRequest, source_address: str, now: float, limits: PendingLimits
    ) -> RegistrationRecord | Full:
        """Note a request. It belongs to the secret it is made with: the same install and secret
        get the one they made again, any other secret one of its own (protocol §5).

        Also one that is approved by now: a worker that never heard the answer to its first ask
        would else wait for a second approval, beside a worker that nobody is.
        """

    async def forget_pending(self, before: float) -> None:
        """Forget the requests that have waited since before then."""

    async def get(self, request_id: str) -> RegistrationRecord | None:
        """One request, whatever became of it."""

    async def pending(self, after: str | None, limit: int) -> list[RegistrationRecord]:
        """The requests that wait for a decision, oldest first."""

    async def count_pending(self) -> int:
        """How many requests wait for a decision."""

    async def approve(self, request_id: str, now: float) -> RegistrationRecord | None:
        """Let a worker in. Approving twice changes nothing; None when it is not to be had.

        The token minted here is known to nobody: the poll that fetches the approval mints
        the one that counts, so that no secret has to be kept until then.
        """

    async def reject(self, request_id: str, reason: str | None, now: float) -> bool:
        """Turn a request down; False when it does not wait for a decision."""


class ModelStore(Protocol):
    """The registry: what ``POST /jobs`` may name without a source of its own."""

    async def seed(self, models: Sequence[ModelRecord]) -> None:
        """Fill the registry of a new studio; one that was ever filled is left alone."""

    async def get(self, model_id: str) -> ModelRecord | None:
        """One model."""

    async def page(self, after: str | None, limit: int) -> list[ModelRecord]:
        """Models by id."""

    async def put(self, model: ModelRecord) -> bool:
        """Add or replace; True when it is new."""

    async def delete(self, model_id: str) -> bool:
        """Remove; False when there is none."""


class LogStore(Protocol):
    """The log entries that workers ship: the newest ones, bounded by number and bytes."""

    async def add(self, worker_id: str, entries: Sequence[LogEntry], now: float) -> None:
        """Keep what a worker shipped."""

    async def forget(self, before: float) -> None:
        """Remove the entries that came before ``before``."""

    async def delete(self, *, job_id: str | None, worker_id: str | None) -> int:
        """Remove all entries, or those of a job or a worker. Answers how many."""

    async def page(
        self,
        *,
        job_id: str | None,
        worker_id: str | None,
        after: int | None,
        limit: int,
        newest_first: bool = False,
    ) -> list[LogRecord]:
        """Entries in the order they came, or the other way; those that follow the one numbered
        ``after`` in that order."""


class Store(Protocol):
    """All five, on one database."""

    @property
    def jobs(self) -> JobStore:
        """The queue."""

    @property
    def workers(self) -> WorkerStore:
        """The roster."""

    @property
    def registrations(self) -> RegistrationStore:
        """Who asks to be let in."""

    @property
    def models(self) -> ModelStore:
        """The registry."""

    @property
    def logs(self) -> LogStore:
        """What workers shipped."""

    def close(self) -> None:
        """Finish what was begun and let go of the database."""
