"""A model as it is shown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from msgspec import Struct

from studio_worker_core.models.entries import CatalogueEntry
from studio_worker_core.residency.loading import HostLanes, LaneName, Loader
from studio_worker_core.residency.states import Held, Models, Phase


class HostedModel(Struct, frozen=True):
    """A model of the catalogue, and where it is."""

    entry: CatalogueEntry
    phase: Phase
    since: float
    """When it came there, in seconds since 1970."""
    resident: bool = False
    """Whether it is to stay loaded."""
    loadable: bool = False
    """Whether there is an engine for it."""
    error: str | None = None
    """Why it failed."""


class View:
    """Puts together what the machine, the lanes and the roster know of models.

    :param now: seconds since 1970.
    """

    def __init__(self, lanes: HostLanes, loader: Loader, now: Callable[[], float]) -> None:
        self._lanes = lanes
        self._loader = loader
        self._now = now
        self._began = now()
        self._warm_since: dict[LaneName, float] = {}

    def of(self, models: Models, entries: Iterable[CatalogueEntry]) -> list[HostedModel]:
        """Each of ``entries``, as it is now."""
        now, known = self._now(), self._warm_since
        self._warm_since = warm = {key: known.get(key, now) for key in self._lanes.warm()}
        return [self._hosted(models.held.get(entry.id), entry, warm) for entry in entries]

    def _hosted(
        self, held: Held | None, entry: CatalogueEntry, warm: Mapping[LaneName, float]
    ) -> HostedModel:
        loadable = self._loader.can_load(entry)
        held = held or Held(Phase.UNLOADED, self._began)
        since = warm.get((entry.source.engine, entry.id))
        if held.phase is Phase.UNLOADED and since is not None:
            # A job left it loaded: it is, and may be ended for another.
            held = Held(Phase.LOADED, since, held.resident)
        return HostedModel(entry, held.phase, held.since, held.resident, loadable, held.error)
