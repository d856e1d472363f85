"""What is wrong with the worker itself: its settings, its lock, its plugins, what it keeps."""

from __future__ import annotations

from pathlib import Path

from studio_worker_core.errors.root import StudioWorkerError


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
