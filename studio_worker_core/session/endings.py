"""How a session ends, and the words an operator reads when it ends for good."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from studio_worker_core.errors import SessionRefused
from studio_worker_core.foreign_text import quoted
from studio_worker_core.wire.frames import CloseCode, ErrorFrame

_AUTH = (
    "the studio does not accept this worker's credentials; "
    "run 'studio-worker register --reset' to register it again"
)
_DUPLICATE = (
    "another process has connected to the studio as this worker, which takes no more of its jobs; "
    "run one worker per registration: stop the other one and start this one again, or give this "
    "machine its own with 'studio-worker register --reset'"
)
_DELETED = "the studio's operator removed this worker"
_VIOLATION = (
    "the studio says this worker broke the protocol; update studio-worker, and report this "
    "with the log if it is up to date"
)
_INTERNAL = "the studio failed while serving this worker; its own log may say more"
_OTHER = "the studio ended the session"

_BY_ERROR = {
    "auth_failed": _AUTH,
    "duplicate_worker": _DUPLICATE,
    "worker_deleted": _DELETED,
    "protocol_violation": _VIOLATION,
}
_BY_CLOSE = {
    CloseCode.AUTH_FAILED: "auth_failed",
    CloseCode.PROTOCOL_VIOLATION: "protocol_violation",
    CloseCode.DUPLICATE_WORKER: "duplicate_worker",
    CloseCode.WORKER_DELETED: "worker_deleted",
}


class EndReason(StrEnum):
    """Why a session that may be followed by another one is over."""

    STOPPED = "stopped"
    """This side asked for it."""
    DISCONNECTED = "disconnected"
    """The connection closed or broke."""
    SILENT = "silent"
    """No frame from the studio for longer than :attr:`.Timings.silence`."""


class SessionEnded(Struct, frozen=True):
    """The end of a session that another one may follow."""

    reason: EndReason
    detail: str
    """The same in words, for the log and the status line."""
    welcomed: bool
    """Whether the studio had said ``welcome``; that resets the back-off."""


class FinalRefusal(Struct, frozen=True):
    """The end of a session that none shall follow."""

    code: str
    """The protocol's error code, or the studio's own."""
    message: str

    def error(self) -> SessionRefused:
        """The same as the exception :meth:`.Session.run` raises."""
        return SessionRefused(self.code, self.message)


def refusal_for_error(frame: ErrorFrame) -> FinalRefusal | None:
    """The final ``error`` frames, each code with its own words; ``None`` for any other, which is
    an ordinary disconnect (protocol §3, rules)."""
    if frame.code not in _BY_ERROR:
        return None
    return FinalRefusal(quoted(frame.code), error_in_words(frame))


def error_in_words(frame: ErrorFrame) -> str:
    """What an ``error`` frame means, and what the studio said."""
    words = _BY_ERROR.get(frame.code, _INTERNAL if frame.code == "internal_error" else _OTHER)
    quote = quoted(f"{frame.code}: {frame.message}" if frame.message else frame.code)
    return f"{words} (the studio said: {quote})"


def refusal_for_close(code: int | None, reason: str) -> FinalRefusal | None:
    """The final close codes; ``None`` for any other, which is an ordinary disconnect."""
    error = _BY_CLOSE.get(code) if code is not None else None
    if error is None:
        return None
    said = f": {quoted(reason)}" if reason else ""
    return FinalRefusal(error, f"{_BY_ERROR[error]} (close code {code}{said})")
