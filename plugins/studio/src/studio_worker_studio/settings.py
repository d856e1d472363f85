"""Everything about a studio that can be chosen, in one frozen struct."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from msgspec import Struct

__all__ = ["Settings", "default_data_directory", "token_file_in"]


class Settings(Struct, frozen=True):
    """How one studio behaves. Times in seconds, sizes in bytes."""

    data: Path
    """Directory of the database, the results and the operator token."""
    token_file: Path | None = None
    """Where the operator token is kept; ``<data>/operator-token`` when None."""
    auto_approve: bool = False
    """Let every worker in at once. For demonstrations and private networks."""
    lease_seconds: float = 30.0
    """How long a claim outlives its last heartbeat or its lost socket (protocol §5)."""
    restart_grace_seconds: float = 45.0
    """The same after a start of the studio: a worker's pause between two attempts grows to
    30 s and jitter, and it must have had one."""
    offer_seconds: float = 30.0
    """How long an offer may stay unanswered before others get it."""
    refusal_seconds: float = 60.0
    """How long a job that a worker rejected for a reason of its own is left to others."""
    hello_seconds: float = 15.0
    """How long a new socket may take to say ``hello``."""
    sweep_seconds: float = 1.0
    """Pause between two looks for lapsed leases and silent sessions."""
    registrations_per_minute: int = 10
    """Registration requests taken from one source address (protocol §5)."""
    max_pending_registrations: int = 1000
    """Requests that may wait for a decision at once."""
    max_result_bytes: int = 8 * 1024**3
    """Largest binary result taken."""
    max_body_bytes: int = 16 * 1024 * 1024
    """Largest JSON body read."""
    max_log_entries: int = 200_000
    """Shipped log entries kept; the oldest go first."""

    @property
    def operator_token_file(self) -> Path:
        """Where the operator token is kept."""
        return self.token_file or token_file_in(self.data)

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return self.data / "studio.db"

    @property
    def results(self) -> Path:
        """The directory of the result files."""
        return self.data / "results"


def token_file_in(data: Path) -> Path:
    """Where a data directory keeps its operator token by default."""
    return data / "operator-token"


def default_data_directory() -> Path:
    """``STUDIO_DATA``, or the platform's place for a program's own data."""
    chosen = os.environ.get("STUDIO_DATA")
    if chosen:
        return Path(chosen).expanduser()
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA")
        root = Path(local) if local else Path.home() / "AppData" / "Local"
    elif sys.platform == "darwin":
        root = Path.home() / "Library" / "Application Support"
    else:
        xdg = os.environ.get("XDG_DATA_HOME")
        root = Path(xdg) if xdg else Path.home() / ".local" / "share"
    return root / "minis-studio"
