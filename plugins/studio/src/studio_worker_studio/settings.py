"""Everything about a studio that can be chosen, in one frozen struct."""

from __future__ import annotations

import os
from pathlib import Path

from msgspec import Struct

from studio_worker_core.secrets import Secret
from studio_worker_core.storage.places import place_for


class Settings(Struct, frozen=True):
    """How one studio behaves. Times in seconds, sizes in bytes."""

    data: Path
    """Directory of the database, the results and the operator token."""
    postgres: Secret | None = None
    """Address of the PostgreSQL database that is used instead of a file in ``data``."""
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
    head_seconds: float = 20.0
    """How long a connection may take for the head of a request, the first one included."""
    max_connections_per_address: int = 512
    """Connections one address may hold that are no worker's session."""
    trusted_proxies: tuple[str, ...] = ()
    """Addresses or networks of reverse proxies: what they forward is believed, and the names
    under which they are reached are not checked."""
    sweep_seconds: float = 1.0
    """Pause between two looks for lapsed leases and silent sessions."""
    registrations_per_minute: int = 10
    """Registration requests taken from one source address (protocol §5)."""
    max_pending_per_address: int = 20
    """Requests of one source address that may wait at once (protocol §5)."""
    keep_pending_seconds: float = 7 * 86_400.0
    """How long a request waits for a decision before it is forgotten (protocol §5)."""
    max_pending_registrations: int = 1000
    """Requests that may wait for a decision at once."""
    max_result_bytes: int = 8 * 1024**3
    """Largest binary result taken."""
    max_json_result_bytes: int = 64 * 1024 * 1024
    """Largest JSON answer taken; it is kept in the database."""
    upload_silence_seconds: float = 60.0
    """How long an upload may pause."""
    max_body_bytes: int = 16 * 1024 * 1024
    """Largest JSON body read."""
    max_log_entries: int = 200_000
    """Shipped log entries kept; the oldest go first."""
    max_log_bytes: int = 256 * 1024**2
    """The same in bytes."""
    keep_logs_seconds: float | None = 30 * 86_400.0
    """Age at which a log entry is removed, None for never."""
    keep_jobs_seconds: float | None = 90 * 86_400.0
    """Age since its end at which a job without a result is forgotten, None for never. A job
    with a result stays as long as that."""
    keep_results_seconds: float | None = None
    """Age since the end of its job at which a result is removed, None for never."""
    keep_keys_seconds: float = 7 * 86_400.0
    """How long an Idempotency-Key is remembered."""
    retention_seconds: float = 600.0
    """Pause between two looks for what has come of age."""

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

    @property
    def aside(self) -> Path:
        """Where files go that were in ``results`` and belong to no job."""
        return self.data / "set-aside"


def token_file_in(data: Path) -> Path:
    """Where a data directory keeps its operator token by default."""
    return data / "operator-token"


def default_data_directory() -> Path:
    """``STUDIO_DATA``, or the platform's place for a program's own data."""
    chosen = os.environ.get("STUDIO_DATA")
    if chosen:
        return Path(chosen).expanduser()
    return place_for("data") / "minis-studio"
