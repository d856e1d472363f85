"""What goes wrong in a studio, and how it is answered.

::

    StudioWorkerError
    ├── ApiError            one HTTP request is refused (status, code)
    ├── DataDirectoryInUse  another studio process serves this data directory (path)
    ├── CannotListen        the address cannot be bound (host, port)
    └── StoreError          the database cannot be used, or fails
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from studio_worker_core.errors import StudioWorkerError


class ApiError(StudioWorkerError):
    """One request is refused; becomes ``{"error", "message"}`` (protocol §6)."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = dict(headers or {})


class DataDirectoryInUse(StudioWorkerError):
    """Another studio process serves the same data directory."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"another studio already serves {path}; stop it, or choose another --data directory"
        )
        self.path = path


class CannotListen(StudioWorkerError):
    """The address to listen on cannot be bound."""

    def __init__(self, host: str, port: int, reason: str) -> None:
        super().__init__(
            f"cannot listen on {host} port {port}: {reason}; "
            "choose another --port (0 picks a free one) or --host"
        )
        self.host = host
        self.port = port


class StoreError(StudioWorkerError):
    """The database cannot be used, or failed under one call: nothing of that call is kept."""
