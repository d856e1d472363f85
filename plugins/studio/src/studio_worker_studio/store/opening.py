"""Which database a studio has: the one place that names an implementation."""

from __future__ import annotations

from studio_worker_studio.settings import Settings
from studio_worker_studio.store.interface import Store
from studio_worker_studio.store.sqlite.store import SqliteStore


def open_store(settings: Settings) -> Store:
    """Open the studio's memory, or make it.

    Raises:
        StoreError: it cannot be used.
    """
    return SqliteStore(
        settings.database,
        max_log_entries=settings.max_log_entries,
        max_log_bytes=settings.max_log_bytes,
    )
