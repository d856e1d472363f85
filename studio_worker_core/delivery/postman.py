"""The delivery threads."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from typing import Any, Literal, Protocol

from msgspec import Struct

from studio_worker_core.outbox import Entry, Outbox

__all__ = ["Delivery", "DeliverySession", "Settled"]


class DeliverySession(Protocol):
    """What delivery needs of a session."""

    @property
    def number(self) -> int:
        """Different for every session of this process."""

    def send(self, frame: Any, /) -> bool:
        """Queue one frame; False once the session is over."""


class Settled(Struct, frozen=True):
    """A result left the outbox."""

    entry: Entry
    outcome: Literal["delivered", "refused"]
    reason: str | None = None


class Delivery:
    """Delivers what is in the outbox, oldest first, for as long as it takes.

    ``complete(entry, abort)`` uploads one binary result and raises StudioError; it looks at
    ``abort()`` while it does and gives up with any error once that is true.
    ``is_ours(job_id)`` says whether the studio still holds the job for us (None: unknown).
    ``on_settled`` is told of every result that left, on the delivery thread.
    """

    def __init__(
        self,
        outbox: Outbox,
        complete: Callable[[Entry, Callable[[], bool]], None],
        stop: threading.Event,
        *,
        is_ours: Callable[[str], bool | None] = lambda _job_id: None,
        on_settled: Callable[[Settled], None] = lambda _settled: None,
        clock: Callable[[], float] = time.monotonic,
        rng: random.Random | None = None,
        rescan_seconds: float = 3.0,
    ) -> None:
        raise NotImplementedError

    def start(self) -> None:
        """Start the threads; what is pending on disk is delivered too."""
        raise NotImplementedError

    def join(self, timeout: float | None = None) -> bool:
        """Wait for the threads to end after ``stop`` was set; True when they have."""
        raise NotImplementedError

    def submit(self, entry: Entry) -> None:
        """A new finished result: deliver it now."""
        raise NotImplementedError

    def on_welcome(
        self, session: DeliverySession, resume_known: bool, resume: AbstractSet[str]
    ) -> None:
        """A session began. ``resume``: the jobs the studio still holds for this worker;
        ``resume_known``: whether it knows the feature (protocol §3.1)."""
        raise NotImplementedError

    def on_closed(self, session: DeliverySession) -> None:
        """A session ended."""
        raise NotImplementedError

    def on_complete_ack(self, job_id: str) -> None:
        """The studio acknowledged a job."""
        raise NotImplementedError

    def pending_ids(self) -> list[str]:
        """Job ids of everything not yet delivered, oldest first (``hello.unfinishedJobs``)."""
        raise NotImplementedError

    def in_flight(self) -> str | None:
        """The job whose result is being sent right now."""
        raise NotImplementedError

    def flush(self, timeout: float) -> bool:
        """Wait (seconds) until nothing more can be delivered now; True when all is delivered."""
        raise NotImplementedError
