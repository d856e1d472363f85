"""What a session asks of, and tells, the rest of the worker."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

from studio_worker_core.wire.capabilities import Capabilities
from studio_worker_core.wire.frames import (
    Accept,
    Claim,
    CompleteJson,
    Fail,
    LogEntry,
    Progress,
    ReadyForMore,
    Reject,
    Welcome,
)

if TYPE_CHECKING:
    from studio_worker_core.session.conversation import Session

__all__ = ["JobFrame", "SessionHandler", "Timings", "fail_bad_offer"]

JobFrame = Accept | Reject | CompleteJson | Fail | Progress | ReadyForMore
"""The frames the rest of the worker sends; hello, heartbeats and logs are the session's own."""


class Timings(Struct, frozen=True):
    """The intervals of a session, in seconds; the defaults are the protocol's."""

    heartbeat: float = 5.0
    logs: float = 1.0
    silence: float = 20.0
    """Without any frame from the studio for this long a session is dead."""
    progress: float = 0.5
    """Shortest pause between two ``progress`` frames of one job."""
    flush: float = 3.0
    """Longest time a stopped session takes to send what is queued and close."""
    goodbye: float = 1.0
    """Longest time the closing handshake takes when there is nothing left to send."""
    stop_poll: float = 0.1
    """How often the stop event is looked at while nothing else happens."""


class SessionHandler(Protocol):
    """The worker as a session sees it.

    Every method is called from the thread in :meth:`.Session.run`, one at a time, and
    returns quickly: while it works, no frame is handled and no heartbeat is sent.
    """

    def capabilities(self) -> Capabilities:
        """For ``hello`` and each heartbeat."""
        ...

    def current_job_id(self) -> str | None:
        """For each heartbeat."""
        ...

    def unfinished_jobs(self) -> list[str]:
        """For ``hello``: jobs that run, or are finished but not acknowledged."""
        ...

    def take_logs(self, limit: int) -> list[LogEntry]:
        """At most ``limit`` entries, oldest first; they are the session's from now on."""
        ...

    def put_back_logs(self, entries: list[LogEntry]) -> None:
        """Entries taken that were not sent before the session ended, oldest first."""
        ...

    def on_welcome(self, session: Session, welcome: Welcome) -> None:
        """The session is open: ``session.send`` works from now on."""
        ...

    def on_offer(self, session: Session, claim: Claim) -> None:
        """A job is offered; answer with ``Accept`` or ``Reject``, from any thread."""
        ...

    def on_bad_offer(self, session: Session, job_id: str | None, reason: str) -> None:
        """An offer that cannot be read. The default is :func:`fail_bad_offer`."""
        fail_bad_offer(session, job_id, reason)

    def on_complete_ack(self, session: Session, job_id: str) -> None:
        """The studio has a JSON result."""
        ...

    def on_fail_ack(self, session: Session, job_id: str) -> None:
        """The studio has a failure."""
        ...

    def on_cancel(self, session: Session, job_id: str) -> None:
        """Stop this job (feature ``cancel``, protocol §3.1)."""
        ...

    def on_closed(self, session: Session) -> None:
        """The session is over. Called exactly once, also when it was never welcomed."""
        ...


def fail_bad_offer(session: Session, job_id: str | None, reason: str) -> None:
    """Answer an unreadable offer with a final ``fail`` when its job is known (§3, claim)."""
    if job_id is not None:
        session.send(Fail(job_id, f"the offer cannot be read: {reason}", retryable=False))
