"""One studio: its rooms put together, opened and closed in order."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sqlite3
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

from studio_worker_core.errors import StudioWorkerError
from studio_worker_studio.auth import load_operator_token, sha256_hex
from studio_worker_studio.catalogue import first_party_models
from studio_worker_studio.clocks import REAL_CLOCKS, Clocks
from studio_worker_studio.errors import DataDirectoryInUse
from studio_worker_studio.events import Events
from studio_worker_studio.fleet import Fleet
from studio_worker_studio.rate_limit import RateLimit
from studio_worker_studio.results import ResultFiles
from studio_worker_studio.settings import Settings
from studio_worker_studio.store.database import Database
from studio_worker_studio.store.interface import JobStore
from studio_worker_studio.store.jobs import SqliteJobs
from studio_worker_studio.store.registry import Logs, Models
from studio_worker_studio.store.workers import Registrations, Workers

__all__ = ["Studio"]

log = logging.getLogger("studio_worker.studio")

_FAREWELL_SECONDS = 2.0


class Studio:
    """Everything the routes need. Made by :meth:`open`, outside the event loop; then
    :meth:`start` and :meth:`stop` inside it."""

    def __init__(self, settings: Settings, database: Database, token: str, clocks: Clocks) -> None:
        self.settings = settings
        self.clocks = clocks
        self.operator_token_hash = sha256_hex(token)
        self.database = database
        self.jobs: JobStore = SqliteJobs(database)
        self.workers = Workers(database)
        self.registrations = Registrations(database)
        self.models = Models(database)
        self.logs = Logs(database, settings.max_log_entries)
        self.results = ResultFiles(settings.results)
        self.events = Events()
        self.fleet = Fleet(self.jobs, self.workers, self.events, settings, clocks)
        self.registration_limit = RateLimit(settings.registrations_per_minute, clock=clocks.now)
        self._tasks: list[asyncio.Task[None]] = []
        self._lock: int | None = None

    @classmethod
    def open(cls, settings: Settings, *, clocks: Clocks = REAL_CLOCKS) -> tuple[Studio, str | None]:
        """Open the data directory. Answers the studio, and the operator token when it was
        made just now: it is to be shown once.

        Raises:
            StudioWorkerError: the directory, the token file or the database is unusable.
        """
        try:
            settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)
            ResultFiles(settings.results).make()
            lock = _lock_directory(settings.data)
        except OSError as error:
            raise StudioWorkerError(f"cannot use the data directory: {error}") from None
        try:
            token, made = load_operator_token(settings.operator_token_file)
            studio = cls(settings, Database(settings.database), token, clocks)
        except BaseException:
            os.close(lock)
            raise
        studio._lock = lock
        return studio, token if made else None

    async def start(self) -> None:
        """Take up what was left: give workers time to come back, clear half uploads."""
        lease = self.clocks.wall() + self.settings.restart_grace_seconds
        await self.jobs.renew_all(lease)
        await self.models.seed(list(first_party_models()))
        names = await self.jobs.result_names()
        await asyncio.to_thread(self.results.clear, names)
        self._tasks = [
            asyncio.create_task(self._keep_on("dispatch", self.fleet.dispatch)),
            asyncio.create_task(self._keep_on("sweep", self._sweep)),
        ]

    async def farewell(self) -> None:
        """The studio is about to stop: let workers and listeners go."""
        self.events.end()
        await self.fleet.close(_FAREWELL_SECONDS)

    async def stop(self) -> None:
        """End the background tasks and close the files."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.to_thread(self.close)

    def close(self) -> None:
        """Close the database and let go of the data directory."""
        self.database.close()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(self.settings.sweep_seconds)
            await self.fleet.sweep()

    async def _keep_on(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await work()
            except sqlite3.Error:
                # A full disk must not end the dispatch for good.
                log.exception("%s: the database failed; trying again", name)
                await asyncio.sleep(self.settings.sweep_seconds)


def _lock_directory(data: Path) -> int:
    """Take the data directory for this process; the kernel lets go of it when we end."""
    descriptor = os.open(data / "studio.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        with contextlib.suppress(OSError):
            os.close(descriptor)
        raise DataDirectoryInUse(data) from None
    return descriptor
