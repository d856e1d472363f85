"""The five stores on one SQLite file."""

from __future__ import annotations

from pathlib import Path

from studio_worker_studio.store.sql.jobs import SqlJobs
from studio_worker_studio.store.sql.logs import SqlLogs
from studio_worker_studio.store.sql.models import SqlModels
from studio_worker_studio.store.sql.registrations import SqlRegistrations
from studio_worker_studio.store.sql.workers import SqlWorkers
from studio_worker_studio.store.sqlite import waiting
from studio_worker_studio.store.sqlite.database import SqliteDatabase


class SqliteStore:
    """:class:`~studio_worker_studio.store.interface.Store` on one SQLite file."""

    def __init__(self, path: Path, *, max_log_entries: int, max_log_bytes: int) -> None:
        """Open or make the file.

        Raises:
            StoreError: it is no usable database.
        """
        self.database = SqliteDatabase(path)
        self.jobs = SqlJobs(self.database, waiting)
        self.workers = SqlWorkers(self.database)
        self.registrations = SqlRegistrations(self.database)
        self.models = SqlModels(self.database)
        self.logs = SqlLogs(self.database, max_log_entries, max_log_bytes)

    def close(self) -> None:
        """Finish what was begun and close the file."""
        self.database.close()
