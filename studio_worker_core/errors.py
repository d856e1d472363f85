"""Every error the worker raises on purpose, in one tree.

::

    StudioWorkerError
    ├── ConfigError                 the config file or a value in it (path, key)
    │   └── ConfigCorrupt           the file is no TOML and can be set aside (path, line)
    ├── AlreadyRunning              another worker holds this config directory (path, pid)
    ├── NotRunning                  no worker runs on this config directory (path)
    ├── WireError                   bytes that are not what protocol.md says (what, reason)
    │   └── BadFrame                one WebSocket frame (frame_type, job_id)
    ├── StudioError                 talking to the studio
    │   ├── HttpStatusError         a non-2xx answer (op, status, body)
    │   ├── TransportError          no answer at all (op, reason)
    │   ├── NotRegistered           there are no credentials to call it with (op)
    │   └── SessionRefused          the studio ended the session for good (code)
    ├── RegistrationRejected        the operator said no (reason)
    ├── PluginError                 one plugin is at fault (distribution)
    ├── OutboxError                 a result cannot be kept (path)
    │   └── ResultDamaged           its bytes are not those that were kept (path)
    ├── JournalError                the job journal cannot be read
    ├── ModelHostError              a model cannot be kept loaded (model)
    │   ├── ModelUnknown            the catalogue has none of that name
    │   ├── ModelDisabled           it is switched off there
    │   └── ResidencyNotSaved       the wish cannot be written down
    ├── ModelStoreError             a model file or an input cannot be had (what)
    │   ├── DownloadFailed          network or server at fault: worth another try
    │   └── SourceRefused           forbidden address, wrong checksum, too large: final
    └── JobError                    a job failed; becomes one ``fail`` frame (retryable)
        ├── InvalidTask             the parameters cannot be served (never retried)
        │   └── ParameterRefused    one of them is unknown, missing or wrong (key, missing)
        ├── EngineMissing           no installed engine has that name (never retried)
        ├── EngineFailed            the engine raised or its process died (retryable)
        ├── InsufficientMemory      its model does not fit beside what is loaded (retryable)
        ├── JobTimedOut             a stage outlasted its limit (retryable)
        └── JobCancelled            somebody asked for it to stop (never retried)

Callers branch on type and attributes, never on the message. Messages name the thing at
fault and the remedy, and are fit to be shown to an operator as they are.
"""

from __future__ import annotations

from pathlib import Path

from studio_worker_core.retrying import is_transient_status


class StudioWorkerError(Exception):
    """Root of every error raised on purpose by studio-worker."""


class ConfigError(StudioWorkerError):
    """The config file, or one value in it, cannot be used."""

    def __init__(self, message: str, *, path: Path | None = None, key: str | None = None) -> None:
        super().__init__(message)
        self.path = path
        self.key = key


class ConfigCorrupt(ConfigError):
    """The config file is no TOML at all: it is never overwritten, only set aside."""

    def __init__(self, path: Path, reason: str, *, line: int | None = None) -> None:
        where = f"{path}, line {line}" if line is not None else str(path)
        super().__init__(
            f"{where}: {reason}; mend the file with 'studio-worker config edit', or move it away",
            path=path,
        )
        self.reason = reason
        self.line = line
        """Line of the file, counted from 1, when it is known."""


class AlreadyRunning(StudioWorkerError):
    """Another worker process holds the lock of this config directory."""

    def __init__(self, path: Path, pid: int | None) -> None:
        holder = f"process {pid}" if pid is not None else "another process"
        super().__init__(
            f"a worker is already running on {path.parent} ({holder} holds {path.name}); "
            "stop it, or give this one its own --config"
        )
        self.path = path
        self.pid = pid


class NotRunning(StudioWorkerError):
    """There is no worker process that a command could speak to."""

    def __init__(self, message: str, *, path: Path) -> None:
        super().__init__(message)
        self.path = path
        """The lock that a running worker holds."""


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


class PluginError(StudioWorkerError):
    """One plugin is at fault; the host and the other plugins go on."""

    def __init__(self, message: str, *, distribution: str | None = None) -> None:
        super().__init__(message)
        self.distribution = distribution


class OutboxError(StudioWorkerError):
    """A result cannot be written to or read from the outbox.

    ``needed`` and ``free`` are bytes, set when the disk is full.
    """

    def __init__(
        self,
        message: str,
        *,
        path: Path | None = None,
        needed: int | None = None,
        free: int | None = None,
    ) -> None:
        super().__init__(message)
        self.path = path
        self.needed = needed
        self.free = free


class ResultDamaged(OutboxError):
    """A kept result is not what its manifest says: it must never be delivered."""


class JournalError(StudioWorkerError):
    """The job journal cannot be read, or has no such job."""


class ModelStoreError(StudioWorkerError):
    """A model file or a task's input cannot be had."""

    retryable: bool = True

    def __init__(self, message: str, *, what: str | None = None) -> None:
        super().__init__(message)
        self.what = what


class DownloadFailed(ModelStoreError):
    """The network or the server is at fault; another try may work."""


class SourceRefused(ModelStoreError):
    """The source itself is at fault: forbidden address, wrong checksum, too large."""

    retryable = False


class ModelHostError(StudioWorkerError):
    """A model cannot be kept loaded, or no longer."""

    def __init__(self, message: str, *, model: str | None = None) -> None:
        super().__init__(message)
        self.model = model


class ModelUnknown(ModelHostError):
    """There is no model of that name in the catalogue."""

    def __init__(self, model: str) -> None:
        super().__init__(
            f"there is no model {model[:100]!r} in the catalogue; 'studio-worker models list' "
            "shows what there is",
            model=model,
        )


class ModelDisabled(ModelHostError):
    """The model is in the catalogue and not to be used."""

    def __init__(self, model: str) -> None:
        super().__init__(
            f"the model {model[:100]!r} is disabled in the catalogue; set its 'enabled' there",
            model=model,
        )


class ResidencyNotSaved(ModelHostError):
    """The list of the models to keep loaded cannot be written: nothing was changed."""


class JobError(StudioWorkerError):
    """A job failed. Becomes exactly one ``fail`` frame carrying ``retryable``."""

    retryable: bool = True

    def __init__(self, message: str, *, retryable: bool | None = None) -> None:
        super().__init__(message)
        if retryable is not None:
            self.retryable = retryable


class InvalidTask(JobError):
    """The task's parameters cannot be served by this engine; no retry will change that."""

    retryable = False


class ParameterRefused(InvalidTask):
    """One parameter makes no task: ``key`` is what it was given under, None when it was not;
    ``missing`` is then the name of the one that has to be."""

    def __init__(self, message: str, *, key: str | None = None, missing: str | None = None) -> None:
        super().__init__(message)
        self.key = key
        self.missing = missing


class EngineMissing(JobError):
    """No healthy engine of that name is installed (protocol §3: no fallback)."""

    retryable = False


class EngineFailed(JobError):
    """The engine raised, or its process died, while working on the job."""


class InsufficientMemory(JobError):
    """The model does not fit beside what is loaded; all sizes are GiB.

    ``margin_gib`` is what stays free of ``free_gib``.
    """

    def __init__(
        self, message: str, *, needed_gib: float, free_gib: float, margin_gib: float
    ) -> None:
        super().__init__(message)
        self.needed_gib = needed_gib
        self.free_gib = free_gib
        self.margin_gib = margin_gib


class JobTimedOut(JobError):
    """A stage of the job outlasted its limit."""


class JobCancelled(JobError):
    """The job was asked to stop and did."""

    retryable = False
