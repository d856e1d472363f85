"""What goes wrong between a worker and its studio."""

from __future__ import annotations

from studio_worker_core.errors.root import StudioWorkerError
from studio_worker_core.retrying import is_transient_status


class WireError(StudioWorkerError):
    """Bytes from a peer are not what protocol.md says."""

    def __init__(self, what: str, reason: str) -> None:
        super().__init__(f"{what}: {reason}")
        self.what = what
        self.reason = reason


class BadFrame(WireError):
    """One WebSocket frame cannot be read; the session goes on.

    ``frame_type`` and ``job_id`` are what could still be made out, so that an unreadable
    offer can be answered with ``fail`` (protocol §3, claim).
    """

    def __init__(
        self, reason: str, *, frame_type: str | None = None, job_id: str | None = None
    ) -> None:
        super().__init__(f"{frame_type or 'unknown'} frame", reason)
        self.frame_type = frame_type
        self.job_id = job_id


class StudioError(StudioWorkerError):
    """Talking to the studio failed."""

    is_transient: bool = False


class HttpStatusError(StudioError):
    """The studio answered with a status outside 2xx (protocol §4)."""

    def __init__(
        self, op: str, status: int, body: str, *, retry_after: float | None = None
    ) -> None:
        super().__init__(f"{op} failed: {status} — {body}")
        self.op = op
        self.status = status
        self.body = body
        self.retry_after = retry_after
        """Seconds the studio asked to wait (``Retry-After``), if it did."""

    @property
    def is_transient(self) -> bool:  # type: ignore[override]
        """As for a result (:class:`.Asking`): connecting and registering go on after more."""
        return is_transient_status(self.status)


class TransportError(StudioError):
    """No answer: refused, reset, timed out, broken pipe, TLS or name lookup failed."""

    is_transient = True

    def __init__(self, op: str, reason: str) -> None:
        super().__init__(f"{op} failed: {reason}")
        self.op = op
        self.reason = reason


class NotRegistered(StudioError):
    """This worker has no credentials, or no longer those that a call needs: nobody was asked."""

    def __init__(self, op: str, reason: str) -> None:
        super().__init__(f"{op} failed: {reason}")
        self.op = op


class SessionRefused(StudioError):
    """The studio ended the session for good; reconnecting would not help (protocol §3)."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class RegistrationRejected(StudioWorkerError):
    """The studio's operator rejected this worker."""

    def __init__(self, reason: str | None) -> None:
        said = f": {reason}" if reason else ""
        super().__init__(
            f"the studio rejected this worker{said}; "
            "run 'studio-worker register --reset' to ask again"
        )
        self.reason = reason
