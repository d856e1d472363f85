"""The rooms that know nothing of each other's callers: opened once, from the settings."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from studio_worker_core import __version__
from studio_worker_core.config import Config, ConfigStore
from studio_worker_core.engines.discovery import allowed_plugins, discover
from studio_worker_core.engines.isolated import isolated_plugins
from studio_worker_core.engines.lanes import Lanes
from studio_worker_core.engines.roster import Offerings, Roster
from studio_worker_core.errors import ModelStoreError
from studio_worker_core.host.gpu import gpu_memory
from studio_worker_core.jobs import JobRunner
from studio_worker_core.models.catalogue import Catalogue
from studio_worker_core.models.inputs import InputFetcher
from studio_worker_core.models.store import ModelStore
from studio_worker_core.outbox import Outbox
from studio_worker_core.plugin import API_VERSION, HostInfo
from studio_worker_core.studio_client.http import StudioClient
from studio_worker_core.wire.frames import Claim
from studio_worker_core.worker.gpu_budget import GpuBudget
from studio_worker_core.worker.settings import LiveSettings

__all__ = ["Rooms", "open_rooms"]

log = logging.getLogger("studio_worker.worker")


@dataclass(frozen=True)
class Rooms:
    """What a worker works with."""

    settings: LiveSettings
    outbox: Outbox
    roster: Roster
    lanes: Lanes
    uploads: StudioClient
    runner: JobRunner
    catalogue: Catalogue
    budget: GpuBudget

    def offerings(self) -> Offerings:
        """What the engines offer together, without those that keep crashing."""
        return self.roster.offerings(self.lanes.withdrawn())

    def prepare(self, claim: Claim) -> None:
        """Before an accepted job runs: note its model, make room for it on the GPU."""
        try:
            self.catalogue.mirror(claim)
        except ModelStoreError as error:
            log.warning("the offered model is not noted in the catalogue: %s", error)
        self.budget.make_room(claim)


def open_rooms(store: ConfigStore, config: Config) -> Rooms:
    """Open them all; what an earlier worker left in the outbox is looked through.

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
    roster = discover(
        host,
        disabled=config.plugins.disabled,
        allowed=allowed_plugins(),
        isolated=isolated_plugins(store.engines_root),
    )
    lanes = Lanes(lambda: settings().limits)
    uploads = StudioClient(config.api_base_url)
    inputs = InputFetcher(lambda: settings().inputs, uploads.base_url)
    return Rooms(
        settings=settings,
        outbox=outbox,
        roster=roster,
        lanes=lanes,
        uploads=uploads,
        runner=JobRunner(roster, lanes, ModelStore(store.models_root), inputs, outbox),
        catalogue=Catalogue(store.models_root),
        budget=GpuBudget(lanes, lambda: settings().vram_threshold_gb, gpu_memory),
    )
