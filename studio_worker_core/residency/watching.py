"""What happens to models that nobody asks for: looked at once a second."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from studio_worker_core.errors import ModelStoreError
from studio_worker_core.models.catalogue import Catalogue
from studio_worker_core.residency.host import ModelHost
from studio_worker_core.residency.loading import HostLanes

_log = logging.getLogger("studio_worker.residency")

_LOOK_SECONDS = 1.0


class Watching:
    """Restores what is wished, then ends what is idle for too long, notices processes that
    ended and models that were removed, and frees the memory while that is asked for.

    :param idle_seconds: how long a transient lane may have no job; 0 is for ever.
    :param suspended: whether everything is to be unloaded for now.
    """

    def __init__(
        self,
        host: ModelHost,
        lanes: HostLanes,
        catalogue: Catalogue,
        *,
        idle_seconds: Callable[[], float],
        suspended: Callable[[], bool] = lambda: False,
    ) -> None:
        self._host = host
        self._lanes = lanes
        self._catalogue = catalogue
        self._idle_seconds = idle_seconds
        self._suspended = suspended
        self._was_suspended = False
        self._stamp = catalogue.stamp()

    def run(self, stop: threading.Event) -> None:
        """Look until ``stop`` is set; the body of a thread. A look costs the number of lanes."""
        self._host.restore()
        self._tried(self._host.groups.free_groups)
        while not stop.wait(_LOOK_SECONDS):
            self.look()

    def look(self) -> None:
        """Look once."""
        suspended = self._suspended()
        if suspended != self._was_suspended:
            self._was_suspended = suspended
            self._host.suspend(suspended)
        idle = 0.0 if suspended else self._idle_seconds()
        if suspended or idle > 0:
            for engine, model in self._lanes.unload_idle(idle):
                _log.info("ended the lane of %s (%s), which had no job", engine, model)
        self._lanes.tidy()
        self._host.compare()
        self._host.follow_files()
        stamp = self._catalogue.stamp()
        if stamp != self._stamp:
            self._stamp = stamp
            self._tried(self._host.follow_catalogue)
        self._tried(self._host.groups.free_groups)

    def _tried(self, look: Callable[[], None]) -> None:
        try:
            look()
        except ModelStoreError as error:
            _log.warning("%s", error)
