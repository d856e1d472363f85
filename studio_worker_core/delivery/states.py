"""One result on its way, what can happen to it, and what can be decided about it."""

from __future__ import annotations

from enum import Enum

from msgspec import Struct

from studio_worker_core.wire.bounds import MAX_FRAME_BYTES

LONGEST_IN_FRAME = MAX_FRAME_BYTES - 64 * 1024
"""Longest JSON answer in bytes that goes as ``completeJson``: the frame has an envelope, too."""


class DeliveryPhase(Enum):
    """Where a result is."""

    WAITING = "waiting"
    """For its time (binary), or for a session that holds its job (JSON)."""
    UPLOADING = "uploading"
    SENT = "sent"
    """A ``completeJson`` is queued on a session; only its ack or the session's end go on."""
    DELIVERED = "delivered"
    """The studio has it; it is still to be removed from the outbox."""
    REFUSED = "refused"
    """The studio will never take it; it is still to be moved to ``refused/``."""
    LOST = "lost"
    """It left the outbox undelivered; the studio is still to be told that, if it may be."""


class SessionView(Struct, frozen=True):
    """The live session, as far as results care."""

    number: int
    resumed: frozenset[str] = frozenset()
    """Jobs that the studio still holds for us from before this session (protocol §3.1)."""
    takes_json_files: bool = False
    """It takes a JSON answer that is too long for a frame at ``/complete``."""


class Needs(Struct, frozen=True):
    """What the next turn of a result needs beside its time."""

    sender: bool = False
    has_failed: bool = False
    """As :attr:`State.has_failed`: not every sender is for those."""
    session: bool = False


class State(Struct, frozen=True, kw_only=True):
    """One result on its way."""

    job_id: str
    is_json: bool
    bytes: int
    claimed_on: int | None = None
    """The session of this process that the job was accepted on; None for an earlier process."""
    phase: DeliveryPhase = DeliveryPhase.WAITING
    due: float = 0.0
    failures: int = 0
    """In a row, since the last welcome."""
    sent_on: int | None = None
    tried: bool = False
    """Something of it has been sent, so an ack can be meant for it."""
    has_failed: bool = False
    """An attempt of this process has failed, however long ago."""
    acked: bool = False
    """The ack came while its upload was still running."""
    reason: str | None = None
    status: int | None = None
    """Why it is refused or lost."""
    unheld: bool = False
    """The studio said that it does not hold the job for us: no frame may mention it."""
    retryable: bool = True
    """Whether another attempt at the job may have a better end."""

    @property
    def is_too_long(self) -> bool:
        """A JSON answer that no frame takes."""
        return self.is_json and self.bytes > LONGEST_IN_FRAME

    @property
    def is_final(self) -> bool:
        """Delivered, refused or lost; only the outbox or the studio is still to be told."""
        return self.phase in (DeliveryPhase.DELIVERED, DeliveryPhase.REFUSED, DeliveryPhase.LOST)

    @property
    def is_for_upload(self) -> bool:
        """Its next step is an upload, once a session is there where it needs one."""
        return self.phase is DeliveryPhase.WAITING and (not self.is_json or self.is_too_long)

    @property
    def needs(self) -> Needs | None:
        """What its next turn needs; None when it waits for something else than its time."""
        match self.phase:
            case DeliveryPhase.UPLOADING | DeliveryPhase.SENT:
                return None
            case DeliveryPhase.WAITING if self.is_for_upload:
                return Needs(sender=True, has_failed=self.has_failed, session=self.is_json)
            case DeliveryPhase.WAITING | DeliveryPhase.LOST:
                return Needs(session=True)
            case DeliveryPhase.DELIVERED | DeliveryPhase.REFUSED:
                return Needs()

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


class SendFailed(Struct, frozen=True):
    """An attempt failed. ``roll`` is a random number in [0, 1)."""

    message: str
    roll: float
    status: int | None = None
    retry_after: float | None = None
    aborted: bool = False
    """We gave the attempt up ourselves; it says nothing about the studio."""
    final: bool = False
    """No attempt can ever succeed, of this worker or another."""


class Acked(Struct, frozen=True):
    """``completeAck`` arrived."""


class Welcomed(Struct, frozen=True):
    """A session began."""

    session: SessionView


class SessionClosed(Struct, frozen=True):
    """A session ended."""

    number: int


class LeftOutbox(Struct, frozen=True):
    """It left the outbox undelivered: removed, or set aside as damaged."""

    reason: str


class NotCarriedOut(Struct, frozen=True):
    """The outbox could not remove or move it: try again later."""

    roll: float


Event = (
    Found
    | Due
    | Uploaded
    | SendFailed
    | Acked
    | Welcomed
    | SessionClosed
    | LeftOutbox
    | NotCarriedOut
)


# effects


class Upload(Struct, frozen=True):
    """Send the file to ``/complete``; answered by Uploaded or SendFailed."""


class SendJson(Struct, frozen=True):
    """Queue a ``completeJson`` on the session of that number; answered by SendFailed if it
    could not be queued."""

    session: int


class Acknowledge(Struct, frozen=True):
    """Remove it from the outbox."""


class Refuse(Struct, frozen=True):
    """Move it to ``refused/``."""

    reason: str
    status: int | None = None


class TellLoss(Struct, frozen=True):
    """Let it go, and answer the job with ``fail`` on the session of that number; None when
    the studio does not hold the job for us."""

    reason: str
    retryable: bool
    session: int | None


class NoteFailure(Struct, frozen=True):
    """Write the failed attempt into its manifest."""

    message: str


Effect = Upload | SendJson | Acknowledge | Refuse | TellLoss | NoteFailure
