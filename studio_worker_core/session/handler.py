"""What a session asks of, and tells, the rest of the worker."""

from __future__ import annotations

from typing import Protocol

from studio_worker_core.session.machine import HandlerFrame
from studio_worker_core.wire.capabilities import Capabilities
from studio_worker_core.wire.frames import (
    Accept,
    CompleteJson,
    Fail,
    LogEntry,
    Progress,
    ReadyForMore,
    Reject,
)

JobFrame = Accept | Reject | CompleteJson | Fail | Progress | ReadyForMore
"""The frames the rest of the worker sends; hello, heartbeats and logs are the session's own."""


class Outlet(Protocol):
    """A session as its handler sees it: where the answers go."""

    @property
    def number(self) -> int:
        """Different for every session of this process."""
        ...

    @property
    def features(self) -> frozenset[str]:
        """What the studio said it understands; empty before ``welcome`` (protocol §3.1)."""
        ...

    def send(self, frame: JobFrame) -> bool:
        """Queue a frame, from any thread; False when the session takes none.

        Raises:
            WireError: the frame is longer than any studio reads.
        """
        ...


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

    def heartbeat_sent(self) -> None:
        """One is on its way."""
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

    def on_frame(self, session: Outlet, frame: HandlerFrame) -> None:
        """A frame from the studio (protocol §3).

        ``Welcome`` comes first, and ``session.send`` works from then on. An ``Offer`` is
        answered with ``Accept`` or ``Reject``, from any thread. ``Cancel`` comes only from a
        studio with that feature (§3.1).
        """
        ...

    def on_closed(self, session: Outlet) -> None:
        """The session is over. Called exactly once, also when it was never welcomed."""
        ...
