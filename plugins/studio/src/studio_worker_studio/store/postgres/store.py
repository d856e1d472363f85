"""The five stores on one PostgreSQL database."""

from __future__ import annotations

from studio_worker_core.secrets import Secret
from studio_worker_studio.store.postgres import waiting
from studio_worker_studio.store.postgres.database import PostgresDatabase
from studio_worker_studio.store.sql.jobs import SqlJobs
from studio_worker_studio.store.sql.logs import SqlLogs
from studio_worker_studio.store.sql.models import SqlModels
from studio_worker_studio.store.sql.registrations import SqlRegistrations
from studio_worker_studio.store.sql.workers import SqlWorkers


class PostgresStore:
    """:class:`~studio_worker_studio.store.interface.Store` on one PostgreSQL database."""

    def __init__(self, address: Secret, *, max_log_entries: int, max_log_bytes: int) -> None:
        """Connect, and make or migrate the tables.

        Raises:
            StoreError: it cannot be used.
        """
        self.database = PostgresDatabase(address)
        self.jobs = SqlJobs(self.database, waiting)
        self.workers = SqlWorkers(self.database)
        self.registrations = SqlRegistrations(self.database)
        self.models = SqlModels(self.database)
        self.logs = SqlLogs(self.database, max_log_entries, max_log_bytes)

    def close(self) -> None:
        """Finish what was begun and close the connections."""
        self.database.close()
