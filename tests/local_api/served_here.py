"""A local API in this process: the real server on a real port, real lanes behind it."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType

from studio_worker_core.config import InputLimits, JournalLimits, Limits
from studio_worker_core.jobs.job import Job, StopReason
from studio_worker_core.jobs.listener import Failure, JobListener
from studio_worker_core.jobs.runner import JobRunner
from studio_worker_core.jobs.service import JobService
from studio_worker_core.jobs.slots import Slots
from studio_worker_core.journal.journal import Journal
from studio_worker_core.lanes.pool import Lanes
from studio_worker_core.local_api.api import Api, Names
from studio_worker_core.local_api.app import build_app
from studio_worker_core.local_api.listening import Lan, LocalServer, bind, url_of
from studio_worker_core.local_api.original.job_routes import JobRoutes
from studio_worker_core.local_api.page_parts import PageParts
from studio_worker_core.models.entries import CatalogueEntry
from studio_worker_core.models.inputs import InputFetcher
from studio_worker_core.models.store import ModelStore
from studio_worker_core.plugin import API_VERSION, HostInfo
from studio_worker_core.roster.discovery import discover
from studio_worker_core.roster.roster import Roster
from studio_worker_core.worker.local_source import LocalSource

TOKEN = "token-of-a-test"


class ServedHere:
    """The API over the engines installed here. A context manager.

    :param studio: whose address a job may name as an input's, if any.
    """

    def __init__(
        self,
        root: Path,
        names: Names,
        catalogue: Iterable[CatalogueEntry] = (),
        *,
        studio: str = "https://studio.example/",
        roster: Roster | None = None,
        lan: Lan | None = None,
    ) -> None:
        self.names = names
        self.catalogue = list(catalogue)
        self.slots = Slots()
        self.watcher = Watcher()
        self.lanes = Lanes(lambda: Limits())
        models_root = root / "models"
        if roster is None:
            roster = discover(HostInfo(API_VERSION, "0", models_root), cache=root / "cache")
        runner = JobRunner(
            roster,
            self.lanes,
            ModelStore(models_root),
            InputFetcher(InputLimits(), studio),
        )
        journal = self.journal = Journal(root / "journal" / "jobs.sqlite3", JournalLimits)
        self.history = journal.reader(60)
        self.service = JobService(runner, self.slots, recorders=[journal], watchers=[self.watcher])
        self.source = LocalSource(
            self.slots, self.service, roster, lambda: self.catalogue, warm=self.lanes.warm
        )
        self.api = Api(self.source, lambda: self.names, limits=InputLimits)
        self.listener = bind(0)
        self.url = url_of(self.listener)
        self.server = LocalServer(
            self.listener,
            lambda: build_app(
                self.api,
                lambda: TOKEN,
                lambda: {"ok": True},
                JobRoutes(self.history).routes(),
                PageParts(history=self.history),
            ),
            lan,
        )
        self._threads = [
            threading.Thread(target=body)
            for body in (self.service.run, self.source.run, self.server.run)
        ]

    def __enter__(self) -> ServedHere:
        self.journal.start()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.api.stop()
        self.server.stop()
        self.source.close()
        self.service.finish()
        for thread in self._threads:
            thread.join(60)
        self.lanes.close()
        assert self.journal.close(60)
        self.api.close()
        assert not [thread.name for thread in self._threads if thread.is_alive()]


class Watcher(JobListener[object]):
    """Hears of every job."""

    def __init__(self) -> None:
        self.started_jobs: list[str] = []
        self.stopped: list[StopReason | None] = []

    def started(self, job: Job) -> None:
        self.started_jobs.append(job.job_id)

    def failed(self, job: Job, failure: Failure) -> None:
        self.stopped.append(failure.stopped)
