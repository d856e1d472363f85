"""A model host over real lanes of the fault engine, for its tests."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from types import TracebackType

from studio_worker_core.host.gpu import GpuMemory
from studio_worker_core.lanes.pool import Lanes
from studio_worker_core.models.catalogue import Catalogue
from studio_worker_core.models.entries import CatalogueEntry
from studio_worker_core.models.residency import Residency
from studio_worker_core.models.store import ModelStore
from studio_worker_core.residency.host import ModelHost
from studio_worker_core.residency.hosted import HostedModel
from studio_worker_core.residency.loading import Loader
from studio_worker_core.residency.states import Phase
from studio_worker_core.residency.watching import Watching
from studio_worker_core.roster.roster import Roster
from studio_worker_core.wire.models import ModelSource
from studio_worker_core.wire.tasks import TaskKind
from studio_worker_core.worker.gpu_budget import GpuBudget
from tests.support.fault_plugin import fault_entry
from tests.support.lane_bench import LaneBench
from tests.support.waiting import eventually

MODELS = ("fault", "fault-load-hang", "fault-load-raise", "fault-other")


def entry(
    model: str, *, group: str | None = None, vram: float = 0.0, enabled: bool = True
) -> CatalogueEntry:
    """A model of the fault engine, which needs no files."""
    return CatalogueEntry(
        model,
        ModelSource("fault"),
        kind=TaskKind.IMAGE,
        vram_gb_estimate=vram,
        enabled=enabled,
        exclusive_group=group,
    )


class Hosting:
    """The host with its threads, without the watching one: a test looks when it wants to. A
    context manager.

    :param directory: where the catalogue and the wish are.
    """

    def __init__(self, bench: LaneBench, directory: Path) -> None:
        directory.mkdir(exist_ok=True)
        self.bench = bench
        self.directory = directory
        self.card: GpuMemory | None = None
        self.idle_seconds = 0.0
        self.suspended = False
        self.catalogue = self.another_catalogue()
        for model in MODELS:
            if self.catalogue.find(model) is None:
                self.catalogue.put(entry(model))
        memory = GpuBudget(bench.lanes, lambda: 24.0, lambda: self.card)
        roster = Roster([fault_entry()])
        loader = Loader(bench.lanes, roster, ModelStore(directory / "models"), memory)
        residency = Residency(directory / "residency.json")
        self.host = ModelHost(self.catalogue, residency, bench.lanes, loader, memory)
        self.watching = Watching(
            self.host,
            bench.lanes,
            self.catalogue,
            idle_seconds=lambda: self.idle_seconds,
            suspended=lambda: self.suspended,
        )
        bodies = (self.host.run_loads, self.host.run_unloads)
        self._threads = [threading.Thread(target=body) for body in bodies]

    def __enter__(self) -> Hosting:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the threads; a second time nothing happens."""
        self.host.close()
        for thread in self._threads:
            thread.join(60)
        assert not [thread for thread in self._threads if thread.is_alive()]

    @property
    def lanes(self) -> Lanes:
        return self.bench.lanes

    def another_catalogue(self) -> Catalogue:
        """The same files, as another process has them open."""
        return Catalogue(self.directory / "models.json")

    def loaded(self, model: str) -> None:
        """Load it and wait."""
        self.host.load(model)
        self.until(model, Phase.LOADED)

    def until(self, model: str, phase: Phase, *, looking: bool = False) -> HostedModel:
        """Wait until the model is there; with ``looking`` have the watching thread's look."""

        def there() -> HostedModel | None:
            if looking:
                self.watching.look()
            found = self.host.find(model)
            return found if found.phase is phase else None

        return eventually(f"{model} is {phase.value}", there)

    def until_lane(self, model: str, state: str) -> None:
        """Wait until a lane of the model is in that state."""
        eventually(
            f"the lane of {model} is {state}",
            lambda: (model, state) in [(each.model, each.state) for each in self.lanes.status()],
        )

    def until_no_lane(self) -> None:
        """Wait until no engine process is left."""
        eventually("no lane is left", lambda: not self.lanes.status())

    def wished(self) -> list[str]:
        """What is written down."""
        path = self.directory / "residency.json"
        if not path.is_file():
            return []
        resident: list[str] = json.loads(path.read_text("utf-8"))["resident"]
        return resident

    def wish(self, *models: str) -> None:
        """Write that down, as another program would."""
        path = self.directory / "residency.json"
        path.write_text(json.dumps({"version": 1, "resident": list(models)}), "utf-8")
