"""What becomes of a result in the outbox, and who is told of it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Literal

from msgspec import Struct

from studio_worker_core.delivery.queued import Superseded
from studio_worker_core.delivery.states import LeftOutbox
from studio_worker_core.errors import OutboxError
from studio_worker_core.outbox import Entry, Outbox
from studio_worker_core.storage.disk import shown_bytes

_log = logging.getLogger("studio_worker.delivery")


class Settled(Struct, frozen=True):
    """A result left the outbox, or was found missing or damaged there ("lost")."""

    entry: Entry
    outcome: Literal["delivered", "refused", "lost"]
    reason: str | None = None


class Settling:
    """Changes the outbox as was decided; call it without any lock held.

    The methods that give a result up for lost return the event that says so, for its state.
    """

    def __init__(self, outbox: Outbox, on_settled: Callable[[Settled], None]) -> None:
        self._outbox = outbox
        self._on_settled = on_settled

    def acknowledge(self, entry: Entry) -> None:
        """The studio has it.

        Raises:
            OutboxError, OSError: it cannot be removed; nobody was told.
        """
        self._outbox.acknowledge(entry)
        attempts = entry.manifest.attempts + 1
        _log.info(
            "delivered the result of job %s (%s, %s%s)",
            entry.job_id,
            entry.manifest.ext,
            shown_bytes(entry.manifest.bytes),
            f", {attempts} attempts" if attempts > 1 else "",
            extra=about(entry),
        )
        self._tell(Settled(entry, "delivered"))

    def refuse(self, entry: Entry, reason: str, status: int | None) -> None:
        """The studio will never take it.

        Raises:
            OutboxError, OSError: it cannot be moved; nobody was told.
        """
        kept = self._outbox.refuse(entry, reason, status)
        if kept is None:
            return
        _log.warning(
            "the result of job %s is not delivered: %s; kept in %s",
            entry.job_id,
            reason,
            kept.directory,
            extra=about(entry),
        )
        self._tell(Settled(kept, "refused", reason))

    def note_failure(self, entry: Entry, message: str, pause: float) -> Entry | None:
        """One attempt failed, and the next comes after ``pause`` seconds; None when the result
        has gone."""
        noted = self._outbox.note_failure(entry, message)
        if noted is not None:
            # The first failure is news; an hour of them is not.
            level = logging.WARNING if noted.manifest.attempts == 1 else logging.INFO
            _log.log(
                level,
                "the result of job %s is not delivered yet (attempt %d): %s; again in %.1f s",
                entry.job_id,
                noted.manifest.attempts,
                message,
                max(pause, 0.0),
                extra=about(entry),
            )
        return noted

    def gone(self, entry: Entry) -> LeftOutbox | Superseded | None:
        """What is to be said when it cannot be sent as it is on disk; None when it can."""
        if not self._outbox.holds(entry):
            return self.missing(entry)
        reason = self._outbox.defect(entry)
        return None if reason is None else self.lost(entry, reason)

    def missing(self, entry: Entry) -> LeftOutbox | Superseded:
        """It is not where it was."""
        if self._outbox.is_at_work(entry.job_id):
            return Superseded()
        reason = "it was removed from the outbox, or its manifest cannot be read any more"
        return self.lost(entry, reason)

    def lost(self, entry: Entry, reason: str) -> LeftOutbox:
        """It cannot be delivered any more for that reason; what is left of it is kept for a
        person."""
        self._set_aside(entry, reason)
        _log.error("the result of job %s is lost: %s", entry.job_id, reason, extra=about(entry))
        self._tell(Settled(entry, "lost", reason))
        # The studio's side of it: no paths of this machine.
        return LeftOutbox(reason=f"the worker lost the finished result: {_public(reason, entry)}")

    def _set_aside(self, entry: Entry, reason: str) -> None:
        try:
            self._outbox.set_aside(entry, reason)
        except (OSError, OutboxError) as error:
            # It stays where it is and is found there again at the next look at the disk.
            _log.error(
                "%s cannot be delivered (%s) and cannot be set aside: %s",
                entry.directory,
                reason,
                error,
                extra=about(entry),
            )

    def _tell(self, settled: Settled) -> None:
        try:
            self._on_settled(settled)
        except Exception:
            # Somebody else's observer; the outbox is right without it.
            _log.exception("an observer of deliveries failed")


def about(entry: Entry) -> dict[str, str]:
    """The fields of a log line about it."""
    return {"job_id": entry.job_id}


def _public(reason: str, entry: Entry) -> str:
    return reason.replace(str(entry.path), "its file").replace(str(entry.directory), "its entry")
