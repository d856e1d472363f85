"""The settings in force: the config file, followed while the worker runs."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from studio_worker_core.config import Config, ConfigStore
from studio_worker_core.errors import ConfigCorrupt, ConfigError

__all__ = ["LiveSettings", "open_settings"]

log = logging.getLogger("studio_worker.worker")


class LiveSettings:
    """Called for the current :class:`Config`; looks at the file at most once a second.

    ``studio-worker pause``, ``set-threshold`` and a hand edit work on a running worker that
    way. A file that cannot be read is said once and the last good settings stand.
    """

    def __init__(
        self,
        store: ConfigStore,
        *,
        every: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._every = every
        self._clock = clock
        self._lock = threading.Lock()
        self._looked = clock()
        self._seen = self._stamp()

    def __call__(self) -> Config:
        """The settings now."""
        with self._lock:
            now = self._clock()
            if now - self._looked >= self._every:
                self._looked = now
                stamp = self._stamp()
                if stamp != self._seen:
                    self._seen = stamp
                    self._reload()
        return self._store.config

    def _stamp(self) -> tuple[int, int] | None:
        try:
            status = self._store.path.stat()
        except OSError:
            return None
        return status.st_mtime_ns, status.st_size

    def _reload(self) -> None:
        before = self._store.config
        try:
            after = self._store.load()
        except ConfigError as error:
            log.warning("%s; the settings from before stay in force", error)
            return
        if after != before:
            log.info("settings read again from %s", self._store.path)


def open_settings(store: ConfigStore) -> Config:
    """Read the settings at start; a file that is no TOML is set aside, and defaults hold.

    Raises:
        ConfigError: a value is wrong, or the file cannot be read.
    """
    try:
        return store.load()
    except ConfigCorrupt as error:
        aside = store.set_aside()
        log.error(
            "%s; it was set aside as %s and the worker starts with defaults: it will have to "
            "register again unless you put the file right and move it back",
            *(error, aside),
        )
        return store.load()
