"""The settings in force: the config file, followed while the worker runs."""

from __future__ import annotations

import logging
from pathlib import Path

from studio_worker_core.config import RETIRED_KEYS, Config, ConfigStore, nearest_key
from studio_worker_core.errors import ConfigCorrupt, ConfigError
from studio_worker_core.storage.stamps import stamp_of
from studio_worker_core.worker.last_known import LastKnown

log = logging.getLogger("studio_worker.worker")


class LiveSettings:
    """Called for the current :class:`Config`, which is in memory; :meth:`look` takes over what
    the file says by now, on a thread that may wait for the disk.

    ``studio-worker set-threshold`` and a hand edit work on a running worker that way. A file
    that is gone, torn or cannot be read is said once, and the last good settings stand.
    """

    def __init__(self, store: ConfigStore, *, every: float = 1.0) -> None:
        self._store = store
        self._seen: tuple[int, int, int] | None = None
        self._fault: str | None = None
        self.watched = LastKnown("the config file", self.look, None, every=every)
        """Needs a thread to run it."""

    def __call__(self) -> Config:
        """The settings now; never waits."""
        self.watched()
        return self._store.config

    def look(self) -> None:
        """Look at the file, and read it when it has changed."""
        stamp = stamp_of(self._store.path)
        if stamp == self._seen and self._fault is None:
            return
        if self._store.was_never_there:
            return
        before = self._store.config
        try:
            after = self._store.follow()
        except ConfigError as error:
            if str(error) != self._fault:
                self._fault = str(error)
                log.warning("%s; the last good settings stand", error)
            return
        self._seen = stamp
        if after != before or self._fault is not None:
            log.info("settings read again from %s", self._store.path)
        self._fault = None


def open_settings(store: ConfigStore) -> Config:
    """Read the settings at start. A file that holds none is set aside, and nothing is started:
    the defaults would take this worker to another studio than its own.

    Raises:
        ConfigError: the file was lost, now or before; a value is wrong; or it cannot be read.
    """
    try:
        config = store.load()
        if store.is_blank:
            raise ConfigCorrupt(store.path, "there is no setting in it")
    except ConfigCorrupt as error:
        aside = store.set_aside()
        raise _lost(store, aside, f"{store.path}: {error.reason}; it was set aside") from None
    if (before := store.lost) is not None:
        raise _lost(store, before, f"{store.path} is gone since it was found damaged")
    if store.has_lost_its_studio:
        what = "does not any more" if store.path.exists() else "is gone"
        raise ConfigError(
            f"{store.path} named a studio and {what}. Bring it back; or, to begin anew, run "
            "'studio-worker register --api-base-url URL'",
            path=store.path,
            key="api_base_url",
        )
    for key in store.unknown_keys:
        near = nearest_key(key)
        if key in RETIRED_KEYS:
            log.warning("%s: %s is kept and no longer used: %s", store.path, key, RETIRED_KEYS[key])
            continue
        hint = f"; did you mean {near}?" if near else ""
        log.warning("%s: there is no setting named %r%s", store.path, key, hint)
    return config


def _lost(store: ConfigStore, aside: Path, what: str) -> ConfigError:
    return ConfigError(
        f"{what}. What it held is in {aside}: the studio's address, this worker's registration "
        "and the operator's settings. Mend that file and move it back; or, to begin anew, run "
        "'studio-worker register --api-base-url URL'",
        path=store.path,
    )
