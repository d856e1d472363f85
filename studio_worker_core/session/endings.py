"""How a session ends, and the words an operator reads when it ends for good."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from studio_worker_core.errors import SessionRefused
from studio_worker_core.wire.frames import CloseCode, ErrorFrame

__all__ = ["EndReason", "Ended", "Refusal", "printable", "refusal_for_close", "refusal_for_error"]

_AUTH = (
    "the studio does not accept this worker's credentials; "
    "run 'studio-worker register --reset' to register it again"
)
_DUPLICATE = (
    "another process has connected to the studio as this worker, so this one stops; "
    "run one worker per registration: stop the other one, or give this machine its own with "
    "'studio-worker register --reset'"
)
_DELETED = (
    "the studio's operator removed this worker; "
    "run 'studio-worker register --reset' to ask to be let in again"
)
_VIOLATION = (
    "the studio says this worker broke the protocol; update studio-worker, and report this "
    "with the log if it is up to date"
)
_INTERNAL = (
    "the studio failed while serving this worker; see the studio's own log, then start "
    "the worker again"
)
_OTHER = "the studio ended the session for good; ask its operator, then start the worker again"

_BY_ERROR = {
    "auth_failed": _AUTH,
    "duplicate_worker": _DUPLICATE,
    "worker_deleted": _DELETED,
    "protocol_violation": _VIOLATION,
    "internal_error": _INTERNAL,
}
_BY_CLOSE = {
    CloseCode.AUTH_FAILED: "auth_failed",
    CloseCode.DUPLICATE_WORKER: "duplicate_worker",
    CloseCode.WORKER_DELETED: "worker_deleted",
}
_LONGEST_QUOTE = 300


class EndReason(StrEnum):
    """Why a session that may be followed by another one is over."""

    STOPPED = "stopped"
    """This side asked for it."""
    DISCONNECTED = "disconnected"
    """The connection closed or broke."""
    SILENT = "silent"
    """No frame from the studio for longer than :attr:`.Timings.silence`."""


class Ended(Struct, frozen=True):
    """The end of a session that another one may follow."""

    reason: EndReason
    detail: str
    """The same in words, for the log and the status line."""
    welcomed: bool
    """Whether the studio had said ``welcome``; that resets the back-off."""


class Refusal(Struct, frozen=True):
    """The end of a session that none shall follow."""

    code: str
    """The protocol's error code, or the studio's own."""
    message: str

    def error(self) -> SessionRefused:
        """The same as the exception :meth:`.Session.run` raises."""
        return SessionRefused(self.code, self.message)


def refusal_for_error(frame: ErrorFrame) -> Refusal:
    """Every ``error`` frame is final, each code with its own words (protocol §3, rules)."""
    words = _BY_ERROR.get(frame.code, _OTHER)
    quote = printable(f"{frame.code}: {frame.message}" if frame.message else frame.code)
    return Refusal(printable(frame.code), f"{words} (the studio said: {quote})")


def refusal_for_close(code: int | None, reason: str) -> Refusal | None:
    """The final close codes; ``None`` for any other, which is an ordinary disconnect."""
    error = _BY_CLOSE.get(code) if code is not None else None
    if error is None:
        return None
    said = f": {printable(reason)}" if reason else ""
    return Refusal(error, f"{_BY_ERROR[error]} (close code {code}{said})")


def printable(text: str) -> str:
    """A studio's words, fit for a terminal: no control characters, no endless line."""
    shown = "".join(char if char.isprintable() else " " for char in text[:_LONGEST_QUOTE])
    return shown if len(text) <= _LONGEST_QUOTE else f"{shown}…"
