"""One result on its way, what can happen to it, and what can be decided about it."""

from __future__ import annotations

from enum import Enum

from msgspec import Struct

__all__ = [
    "Acked",
    "Acknowledge",
    "Due",
    "Effect",
    "Event",
    "Failed",
    "Found",
    "Letter",
    "NotCarriedOut",
    "NoteFailure",
    "Phase",
    "Refuse",
    "SendJson",
    "SessionClosed",
    "SessionView",
    "Upload",
    "Uploaded",
    "Welcomed",
]


class Phase(Enum):
    """Where a letter is."""

    WAITING = "waiting"
    """For its time (binary), or for a session that holds its job (JSON)."""
    UPLOADING = "uploading"
    SENT = "sent"
    """A ``completeJson`` is queued on a session; only its ack or the session's end go on."""
    DELIVERED = "delivered"
    """The studio has it; it is still to be removed from the outbox."""
    REFUSED = "refused"
    """The studio will never take it; it is still to be moved to ``refused/``."""


class SessionView(Struct, frozen=True):
    """The live session, as far as letters care."""

    number: int
    resumed: frozenset[str] = frozenset()
    """Jobs that the studio still holds for us from before this session (protocol §3.1)."""


class Letter(Struct, frozen=True, kw_only=True):
    """One result on its way."""

    job_id: str
    is_json: bool
    bytes: int
    claimed_on: int | None = None
    """The session of this process that the job was accepted on; None for an earlier process."""
    phase: Phase = Phase.WAITING
    due: float = 0.0
    failures: int = 0
    """In a row, since the last welcome."""
    sent_on: int | None = None
    tried: bool = False
    """Something of it has been sent, so an ack can be meant for it."""
    acked: bool = False
    """The ack came while its upload was still running."""
    reason: str | None = None
    status: int | None = None
    """Why it is refused."""

    def held_by(self, session: SessionView) -> bool:
        """Whether the studio still holds the job for this session."""
        return self.claimed_on == session.number or self.job_id in session.resumed


# events


class Found(Struct, frozen=True):
    """It was handed in, or handed in again because the job was accepted anew."""

    claimed_on: int | None


class Due(Struct, frozen=True):
    """It may go now. ``ours``: whether the studio still holds the job (None: unknown)."""

    session: SessionView | None = None
    ours: bool | None = None


class Uploaded(Struct, frozen=True):
    """``/complete`` answered with 2xx."""


class Failed(Struct, frozen=True):
    """An attempt failed. ``roll`` is a random number in [0, 1)."""

    message: str
    roll: float
    status: int | None = None
    retry_after: float | None = None
    aborted: bool = False
    """We gave the attempt up ourselves; it says nothing about the studio."""
    final: bool = False
    """No attempt can ever succeed."""


class Acked(Struct, frozen=True):
    """``completeAck`` arrived."""


class Welcomed(Struct, frozen=True):
    """A session began."""

    session: SessionView


class SessionClosed(Struct, frozen=True):
    """A session ended."""

    number: int


class NotCarriedOut(Struct, frozen=True):
    """The outbox could not remove or move it: try again later."""

    roll: float


Event = Found | Due | Uploaded | Failed | Acked | Welcomed | SessionClosed | NotCarriedOut


# effects


class Upload(Struct, frozen=True):
    """Send the file to ``/complete``; answered by Uploaded or Failed."""


class SendJson(Struct, frozen=True):
    """Queue a ``completeJson`` on the session of that number; answered by Failed if it
    could not be queued."""

    session: int


class Acknowledge(Struct, frozen=True):
    """Remove it from the outbox."""


class Refuse(Struct, frozen=True):
    """Move it to ``refused/``."""

    reason: str
    status: int | None = None


class NoteFailure(Struct, frozen=True):
    """Write the failed attempt into its manifest."""

    message: str


Effect = Upload | SendJson | Acknowledge | Refuse | NoteFailure
