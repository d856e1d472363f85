"""The job this worker holds: which session may speak for it, and why it may have to stop."""

from __future__ import annotations

import threading
import time
from enum import Enum

from studio_worker_core.wire.frames import Claim

__all__ = ["HeldJob", "StopReason"]


class StopReason(Enum):
    """Why a running job is stopped before its end."""

    STUDIO = "cancelled"
    """The studio's operator cancelled it: final."""
    SHUTDOWN = "the worker is shutting down"
    """The grace time is over: handed back for another worker."""
    TAKEN_BACK = "the studio gave the job to others"
    """After a reconnect the studio no longer holds it for us: nobody to answer."""


class HeldJob:
    """One accepted claim until its result is in the outbox or its failure is told.

    ``session_number`` is the session that holds the job, None once that session is gone and
    no later one resumed it: then no frame may mention the job (protocol §5, a frame about a
    job the session does not hold is a protocol violation).
    """

    def __init__(self, claim: Claim, session_number: int) -> None:
        self.claim = claim
        self.cancel = threading.Event()
        self.accepted = time.monotonic()
        self._lock = threading.Lock()
        self._session: int | None = session_number
        self._reason: StopReason | None = None

    @property
    def job_id(self) -> str:
        """The studio's id of the job."""
        return self.claim.job_id

    @property
    def session_number(self) -> int | None:
        """The session that may speak for this job now."""
        return self._session

    @property
    def stop_reason(self) -> StopReason | None:
        """Why it was asked to stop, if it was; the first reason stands."""
        return self._reason

    def stop(self, reason: StopReason) -> None:
        """Ask the running job to stop."""
        with self._lock:
            if self._reason is None:
                self._reason = reason
        self.cancel.set()

    def session_lost(self, number: int) -> None:
        """The session ``number`` is over."""
        with self._lock:
            if self._session == number:
                self._session = None

    def resumed_on(self, number: int) -> None:
        """The studio resumed this job on session ``number``."""
        with self._lock:
            self._session = number
