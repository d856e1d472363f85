"""What a decision means outside: one upload, one frame, one change of the outbox."""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable
from typing import Any, Literal

from msgspec import Struct

from studio_worker_core.delivery.frames import complete_json
from studio_worker_core.delivery.letters import (
    Event,
    Failed,
    Uploaded,
)
from studio_worker_core.errors import HttpStatusError, OutboxError, StudioError, WireError
from studio_worker_core.host.disk import shown_bytes
from studio_worker_core.outbox import Entry, Outbox
from studio_worker_core.wire.frames import CompleteJson

__all__ = ["Carrier", "Complete", "Settled"]

Complete = Callable[[Entry, Callable[[], bool]], None]
_log = logging.getLogger("studio_worker.delivery")


class Settled(Struct, frozen=True):
    """A result left the outbox."""

    entry: Entry
    outcome: Literal["delivered", "refused"]
    reason: str | None = None


class Carrier:
    """Does the slow things, without any lock held. ``None`` for an answer means that the
    result has gone from the outbox (purged by hand) or was set aside."""

    def __init__(
        self,
        outbox: Outbox,
        complete: Complete,
        on_settled: Callable[[Settled], None],
        stop: threading.Event,
        rng: random.Random,
    ) -> None:
        self._outbox = outbox
        self._complete = complete
        self._on_settled = on_settled
        self._stop = stop
        self._rng = rng

    def upload(self, entry: Entry) -> Event | None:
        """Try once to send a file."""
        if not self._is_whole(entry):
            return None
        try:
            self._complete(entry, self._stop.is_set)
        except HttpStatusError as error:
            return self._failed(str(error), status=error.status, retry_after=error.retry_after)
        except (StudioError, OSError) as error:
            return self._failed(str(error))
        except Exception as error:
            # The upload runs code of other rooms and libraries; whatever it raises, the
            # result stays and the thread that delivers all others goes on.
            _log.exception("the upload of job %s broke", entry.job_id, extra=_about(entry))
            return self._failed(f"{type(error).__name__}: {error}")
        return Uploaded()

    def frame(self, entry: Entry) -> CompleteJson | Failed | None:
        """The frame for a JSON result."""
        if not self._is_whole(entry):
            return None
        try:
            return complete_json(entry)
        except OutboxError as error:
            self._set_aside(entry, str(error))
            return None
        except OSError as error:
            return self._failed(f"{entry.path} cannot be read: {error.strerror or error}")

    def queue(self, frame: CompleteJson, send: Callable[[Any], bool] | None) -> Failed | None:
        """Hand the frame to a session, if there is one; why that failed, if it did."""
        try:
            if send is not None and send(frame):
                return None
        except WireError as error:
            # Longer than any studio reads: every other session would say the same.
            return Failed(message=f"it cannot be sent: {error}", roll=0.0, final=True)
        return self._failed("the session took no more frames")

    def acknowledge(self, entry: Entry) -> None:
        """The studio has it."""
        self._outbox.acknowledge(entry)
        attempts = entry.manifest.attempts + 1
        _log.info(
            "delivered the result of job %s (%s, %s%s)",
            entry.job_id,
            entry.manifest.ext,
            shown_bytes(entry.manifest.bytes),
            f", {attempts} attempts" if attempts > 1 else "",
            extra=_about(entry),
        )
        self._tell(Settled(entry, "delivered"))

    def refuse(self, entry: Entry, reason: str, status: int | None) -> None:
        """The studio will never take it."""
        kept = self._outbox.refuse(entry, reason, status)
        if kept is None:
            return
        _log.warning(
            "the result of job %s is not delivered: %s; kept in %s",
            entry.job_id,
            reason,
            kept.directory,
            extra=_about(entry),
        )
        self._tell(Settled(kept, "refused", reason))

    def note_failure(self, entry: Entry, message: str, pause: float) -> Entry | None:
        """One attempt failed; the next comes after ``pause`` seconds."""
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
                extra=_about(entry),
            )
        return noted

    def not_carried_out(self, entry: Entry, error: Exception) -> float:
        """The outbox could not be changed; a random number for the pause."""
        _log.error(
            "the outbox entry of job %s cannot be changed, tried again later: %s",
            entry.job_id,
            error,
            extra=_about(entry),
        )
        return self._rng.random()

    def _is_whole(self, entry: Entry) -> bool:
        if not self._outbox.holds(entry):
            _log.info("the result of job %s was removed by hand", entry.job_id)
            return False
        reason = self._outbox.defect(entry)
        if reason is not None:
            self._set_aside(entry, reason)
            return False
        return True

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
                extra=_about(entry),
            )

    def _failed(
        self, message: str, *, status: int | None = None, retry_after: float | None = None
    ) -> Failed:
        return Failed(
            message=message,
            roll=self._rng.random(),
            status=status,
            retry_after=retry_after,
            aborted=self._stop.is_set(),
        )

    def _tell(self, settled: Settled) -> None:
        try:
            self._on_settled(settled)
        except Exception:
            # Somebody else's observer; the books are right without it.
            _log.exception("an observer of deliveries failed")


def _about(entry: Entry) -> dict[str, str]:
    return {"job_id": entry.job_id}
