"""The five stores on one SQLite file."""

from __future__ import annotations

from pathlib import Path

from studio_worker_studio.store.sqlite.database import Database
from studio_worker_studio.store.sqlite.jobs import SqliteJobs
from studio_worker_studio.store.sqlite.logs import SqliteLogs
from studio_worker_studio.store.sqlite.models import SqliteModels
from studio_worker_studio.store.sqlite.registrations import SqliteRegistrations
from studio_worker_studio.store.sqlite.workers import SqliteWorkers


class SqliteStore:
    """:class:`~studio_worker_studio.store.interface.Store` on one SQLite file."""

    def __init__(self, path: Path, *, max_log_entries: int, max_log_bytes: int) -> None:
        """Open or make the file.

        Raises:
            StoreError: it is no usable database.
        """
        self.database = Database(path)
        self.jobs = SqliteJobs(self.database)
        self.workers = SqliteWorkers(self.database)
        self.registrations = SqliteRegistrations(self.database)
        self.models = SqliteModels(self.database)
        self.logs = SqliteLogs(self.database, max_log_entries, max_log_bytes)

    def close(self) -> None:
        """Finish what was begun and close the file."""
        self.database.close()
