"""One studio: its rooms put together, opened and closed in order."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from studio_worker_core.errors import StudioWorkerError
from studio_worker_core.redaction import hide
from studio_worker_core.struct_types import make_all_ready
from studio_worker_studio.auth import load_operator_token, sha256_hex
from studio_worker_studio.catalogue import first_party_models
from studio_worker_studio.clocks import REAL_CLOCKS, Clocks
from studio_worker_studio.data_directory import DataDirectory
from studio_worker_studio.errors import StoreError
from studio_worker_studio.fleet import Fleet
from studio_worker_studio.housekeeping import Housekeeping
from studio_worker_studio.notifier import LocalNotifier, Notifier
from studio_worker_studio.rate_limit import RateLimit
from studio_worker_studio.readiness import Readiness
from studio_worker_studio.results.opening import open_results
from studio_worker_studio.settings import Settings
from studio_worker_studio.store.interface import Store
from studio_worker_studio.store.opening import open_store

log = logging.getLogger("studio_worker.studio")

_FAREWELL_SECONDS = 2.0


class Studio:
    """Everything the routes need. Made by :meth:`open`, outside the event loop; then
    :meth:`start` and :meth:`stop` inside it."""

    def __init__(
        self,
        settings: Settings,
        directory: DataDirectory,
        store: Store,
        token: str,
        clocks: Clocks,
    ) -> None:
        self.settings = settings
        self.clocks = clocks
        self.operator_token_hash = sha256_hex(token)
        self.store = store
        self.jobs = store.jobs
        self.workers = store.workers
        self.registrations = store.registrations
        self.models = store.models
        self.logs = store.logs
        self.keys_in_progress: set[str] = set()
        self.results = open_results(settings)
        self.notifier: Notifier = LocalNotifier()
        self.housekeeping = Housekeeping(
            settings, self.jobs, self.logs, self.results, self.notifier, clocks
        )
        self.fleet = Fleet(self.jobs, self.workers, self.notifier, settings, clocks)
        self.readiness = Readiness(self.models, self.results)
        self.registration_limit = RateLimit(settings.registrations_per_minute, clock=clocks.now)
        self._tasks: list[asyncio.Task[None]] = []
        self._directory = directory

    @classmethod
    def open(cls, settings: Settings, *, clocks: Clocks = REAL_CLOCKS) -> tuple[Studio, str | None]:
        """Open the data directory. Answers the studio, and the operator token when it was
        made just now: it is to be shown once.

        Raises:
            StudioWorkerError: the directory, the token file or the database is unusable.
        """
        make_all_ready()
        directory = DataDirectory(settings)
        store = None
        try:
            _make_results(settings)
            # Before the token: it is shown once, so nothing may go wrong after it was made.
            store = open_store(settings)
            token, made = load_operator_token(settings.operator_token_file)
            hide(token)
            studio = cls(settings, directory, store, token, clocks)
        except BaseException:
            if store is not None:
                store.close()
            directory.close()
            raise
        directory.tell_open()
        return studio, token if made else None

    async def start(self) -> None:
        """Take up what was left: give workers time to come back, clear half uploads. Harmless
        when it was started already.

        Raises:
            StudioWorkerError: the disk or the database does not let it.
        """
        if self._tasks:
            return
        try:
            await self._take_up()
        except (OSError, StoreError) as error:
            raise StudioWorkerError(f"cannot use {self.settings.data}: {error}") from None
        self._tasks = [
            asyncio.create_task(self._keep_on("dispatch", self.fleet.dispatch)),
            asyncio.create_task(self._keep_on("sweep", self._sweep)),
            asyncio.create_task(self._keep_on("retention", self.housekeeping.run)),
        ]

    async def _take_up(self) -> None:
        await self.fleet.take_up()
        await self.models.seed(list(first_party_models()))
        await self.housekeeping.at_start()

    async def farewell(self) -> None:
        """The studio is about to stop: let workers and listeners go."""
        self.readiness.end()
        self.notifier.end()
        await self.fleet.close(_FAREWELL_SECONDS)

    async def stop(self) -> None:
        """End the background tasks and close the files."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.to_thread(self.close)

    def close(self) -> None:
        """Close the database and let go of the data directory."""
        self.store.close()
        self._directory.close()

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(self.settings.sweep_seconds)
            await self.fleet.sweep()

    async def _keep_on(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await work()
            except StoreError:
                # A full disk must not end the dispatch for good.
                log.exception("%s: the database failed; trying again", name)
                await asyncio.sleep(self.settings.sweep_seconds)


def _make_results(settings: Settings) -> None:
    try:
        open_results(settings).prepare()
    except OSError as error:
        raise StudioWorkerError(f"cannot use the data directory: {error}") from None
