"""The model host as a part of a worker: opened over its lanes, with its threads."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager

from studio_worker_core.jobs.job import Job
from studio_worker_core.models.catalogue import Catalogue
from studio_worker_core.models.residency import Residency
from studio_worker_core.models.store import ModelStore
from studio_worker_core.residency.host import ModelHost
from studio_worker_core.residency.loading import Loader
from studio_worker_core.residency.watching import Watching
from studio_worker_core.worker.parts import Parts


class Hosting:
    """Keeps models loaded: start :meth:`bodies`, then :meth:`close`.

    :param suspended: whether everything is to be unloaded for now.
    :param changed: called after a model has come somewhere else.
    """

    def __init__(
        self, parts: Parts, suspended: Callable[[], bool], changed: Callable[[], None]
    ) -> None:
        catalogue: Catalogue = parts.catalogue
        files = ModelStore(parts.models_root)
        loader = Loader(parts.lanes, parts.roster, files, parts.budget)
        residency = Residency(catalogue.path.with_name("residency.json"))
        self._budget = parts.budget
        self.host = ModelHost(
            catalogue, residency, parts.lanes, loader, parts.budget, changed=changed
        )
        self._watching = Watching(
            self.host,
            parts.lanes,
            catalogue,
            idle_seconds=lambda: parts.settings().limits.warm_seconds,
            suspended=suspended,
        )

    def keeps(self, job: Job) -> bool:
        """Whether the job's very model is kept loaded."""
        return self.host.has_loaded(job.model, job.model_source)

    def making_way(self, job: Job) -> AbstractContextManager[None]:
        """Have what may not be in memory beside the job's model out of it while it runs."""
        return self.host.groups.for_job(job.model, job.cancel)

    def admission(self, job: Job) -> str | None:
        """Why ``job`` does not fit this machine now; None when it does."""
        return self._budget.admission(job, self.host.groups.goes_for(job.model))

    def bodies(self, stop: threading.Event) -> Mapping[str, Callable[[], None]]:
        """The bodies of the threads, by name; all end after ``stop`` and :meth:`close`."""
        return {
            "residency": lambda: self._watching.run(stop),
            "residency-loads": self.host.run_loads,
            "residency-unloads": self.host.run_unloads,
        }

    def close(self) -> None:
        """No more loads: one under way is given up. What is wished stays so."""
        self.host.close()
