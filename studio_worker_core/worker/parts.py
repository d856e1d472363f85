"""The rooms that know nothing of each other's callers: opened once, from the settings."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from pathlib import Path

from studio_worker_core import __version__
from studio_worker_core.config import Config, ConfigStore
from studio_worker_core.engine_setup import EngineSettings
from studio_worker_core.errors import ModelStoreError
from studio_worker_core.host.gpu import GpuMemory, gpu_memory
from studio_worker_core.jobs.job import Job, Source
from studio_worker_core.jobs.runner import JobRunner
from studio_worker_core.journal.journal import Journal
from studio_worker_core.lanes.pool import Lanes
from studio_worker_core.models.catalogue import Catalogue
from studio_worker_core.models.inputs import InputFetcher
from studio_worker_core.models.store import ModelStore
from studio_worker_core.outbox import Outbox
from studio_worker_core.plugin import API_VERSION, HostInfo
from studio_worker_core.roster.descriptions import cache_file
from studio_worker_core.roster.discovery import allowed_plugins, discover
from studio_worker_core.roster.isolated import isolated_plugins
from studio_worker_core.roster.roster import Offerings, Roster
from studio_worker_core.roster.watching import watch
from studio_worker_core.worker.gpu_budget import GpuBudget
from studio_worker_core.worker.last_known import LastKnown
from studio_worker_core.worker.settings import LiveSettings
from studio_worker_core.worker.uploads import Uploads

log = logging.getLogger("studio_worker.worker")

_GPU_SECONDS = 1.0
"""How long an offer may wait for the graphics driver; then what it said last counts."""


@dataclass(frozen=True)
class Parts:
    """What a worker works with."""

    settings: LiveSettings
    outbox: Outbox
    roster: Roster
    lanes: Lanes
    uploads: Uploads
    runner: JobRunner
    catalogue: Catalogue
    budget: GpuBudget
    gpu: LastKnown[GpuMemory | None]
    journal: Journal
    models_root: Path

    def offerings(self) -> Offerings:
        """What the engines offer together, without those that keep crashing."""
        return self.roster.offerings(self.lanes.withdrawn())

    def watch_engines(self, stop: threading.Event) -> None:
        """Keep the roster true until ``stop`` is set."""
        watch(self.roster, self.models_root, cache_file(self.models_root), stop)

    def prepare(self, job: Job) -> None:
        """Before a job runs: note the model a studio offered, make room for it on the GPU."""
        if job.source is Source.STUDIO:
            try:
                self.catalogue.mirror(job)
            except ModelStoreError as error:
                log.warning("the offered model is not noted in the catalogue: %s", error)
        self.budget.make_room(job)


def open_parts(store: ConfigStore, config: Config, stop: threading.Event) -> Parts:
    """Open them all; what an earlier worker left in the outbox is looked through.

    :param stop: once set, no plugin is waited for.

    Raises:
        ConfigError: the studio's address cannot be used.
        OutboxError: the outbox cannot be opened.
    """
    settings = LiveSettings(store)
    outbox = Outbox(store.outbox_root, lambda: settings().outbox)
    for line in outbox.recover():
        log.warning("%s", line)
    host = HostInfo(
        api_version=API_VERSION, agent_version=__version__, models_root=store.models_root
    )
    engines = EngineSettings(settings, store.directory)
    roster = discover(
        host,
        disabled=config.plugins.disabled,
        allowed=allowed_plugins(),
        isolated=isolated_plugins(store.engines_root),
        cache=cache_file(store.models_root),
        stop=stop,
        judge=engines,
    )
    lanes = Lanes(lambda: settings().limits, setup=engines.setup_of)
    uploads = Uploads(settings)
    gpu: LastKnown[GpuMemory | None] = LastKnown(
        "the graphics driver", gpu_memory, None, every=None
    )
    inputs = InputFetcher(lambda: settings().inputs, lambda: uploads.base_url)
    return Parts(
        settings=settings,
        outbox=outbox,
        roster=roster,
        lanes=lanes,
        uploads=uploads,
        runner=JobRunner(roster, lanes, ModelStore(store.models_root), inputs),
        catalogue=Catalogue(store.catalogue_path, older=store.models_root),
        budget=GpuBudget(
            lanes,
            lambda: settings().vram_threshold_gb,
            lambda: gpu.fresh(_GPU_SECONDS),
            ceiling=lambda: settings().memory_max_gb * 2**30,
        ),
        gpu=gpu,
        journal=Journal(store.journal_path, lambda: settings().journal),
        models_root=store.models_root,
    )
