"""The local API as a part of a worker: its port, its discovery file, its threads."""

from __future__ import annotations

import logging
import os
import secrets
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studio_worker_core import __version__
from studio_worker_core.config import Config, ConfigStore
from studio_worker_core.config.winning import VARIABLES
from studio_worker_core.errors import ConfigError
from studio_worker_core.jobs.service import JobService
from studio_worker_core.jobs.slots import Slots
from studio_worker_core.journal.journal import Journal
from studio_worker_core.lanes.pool import Lanes
from studio_worker_core.local_api.daemon import Daemon
from studio_worker_core.local_api.discovery import NAME, announce, withdraw
from studio_worker_core.local_api.lan import open_lan
from studio_worker_core.local_api.listening import Lan, LocalServer, bind, url_of
from studio_worker_core.local_api.model_host import ModelHost
from studio_worker_core.local_api.page_parts import ModelParts, PageParts
from studio_worker_core.models.catalogue import Catalogue
from studio_worker_core.models.store import ModelStore
from studio_worker_core.roster.roster import Roster
from studio_worker_core.secrets import Secret
from studio_worker_core.worker.local_source import LocalSource

if TYPE_CHECKING:
    from starlette.applications import Starlette

    from studio_worker_core.local_api.api import Api

_log = logging.getLogger("studio_worker.local_api")

PORT_VARIABLE = VARIABLES["local_api_port"]
_MOST_PORT = 65535
_FRESH_SECONDS = 5.0
"""How long a look at the journal waits for what is being written to it."""


class LocalApi:
    """Answers programs of this machine: :meth:`open`, then the two bodies of threads, then
    :meth:`stop_taking` and :meth:`close`."""

    def __init__(
        self,
        store: ConfigStore,
        settings: Callable[[], Config],
        slots: Slots,
        service: JobService,
        roster: Roster,
        journal: Journal,
        redact: Callable[[Secret | None], None],
        lanes: Lanes,
        daemon: Daemon,
        models: ModelHost,
    ) -> None:
        self._store = store
        self._settings = settings
        self._slots = slots
        self._redact = redact
        self._daemon = daemon
        self._journal = journal
        self._models = models
        self._roster = roster
        self._lanes = lanes
        self._token: Secret | None = None
        self._api: Api | None = None
        self.url = ""
        """Where it answers; empty when it does not."""
        self._server: LocalServer | None = None
        catalogue = Catalogue(store.catalogue_path, older=store.models_root)
        self._source = LocalSource(
            slots,
            service,
            roster,
            catalogue.entries,
            foreign_kind=catalogue.foreign_kind,
            warm=lanes.warm,
        )

    def open(self) -> Mapping[str, Callable[[], None]]:
        """Take the port and say where it is; the bodies of the threads to start, by name. There
        are none when it is turned off, or no port can be had: the worker serves its studio."""
        config = self._settings()
        if not config.api.enabled:
            return {}
        try:
            listener = bind(_port(config))
        except OSError as error:
            _log.error("there is no local API: no port can be had: %s", error.strerror or error)
            return {}
        token = self._token = config.local_api_token or self._new_token()
        self.url = url_of(listener)
        lan = self._open_lan(config)
        self._server = LocalServer(listener, self._make_app, lan)
        self._redact(token)
        try:
            announce(self._store.directory, self.url, token)
        except OSError as error:
            place = self._store.directory / NAME
            _log.warning("%s cannot be written: %s", place, error.strerror or error)
        _log.info("the local API is at %s; 'studio-worker api' says how to use it", self.url)
        return {"local-api": self._serve, "local-jobs": self._source.run}

    def stop_taking(self) -> None:
        """No new jobs; those that wait are told so. Those that run go on."""
        self._source.close()

    def close(self) -> None:
        """End the server. Requests under way get a moment."""
        if self._api is not None:
            self._api.stop()
        if self._server is not None:
            self._server.stop()

    def forget(self) -> None:
        """Remove the results that were kept for an address; after the server's end."""
        if self._api is not None:
            self._api.close()

    def _open_lan(self, config: Config) -> Lan | None:
        try:
            return open_lan(config.api, self._store.directory)
        except ConfigError as error:
            _log.error("%s", error)  # this machine and the studio are served all the same
            return None

    def _serve(self) -> None:
        assert self._server is not None
        try:
            self._server.run()
        finally:
            # Here, since a disk may hang, and the worker's end does not wait for it.
            withdraw(self._store.directory, self.url)

    def _new_token(self) -> Secret:
        token = Secret(secrets.token_hex(32))
        try:
            self._store.update(local_api_token=token)
        except ConfigError as error:
            _log.warning("the local API's token holds for this run only: %s", error)
        return token

    def _make_app(self) -> Starlette:
        # Imported with the first connection: most of a server is loaded here.
        from studio_worker_core.local_api.api import Api, Names
        from studio_worker_core.local_api.app import build_app
        from studio_worker_core.local_api.events import EventRoutes
        from studio_worker_core.local_api.original.daemon_routes import DaemonRoutes
        from studio_worker_core.local_api.original.job_routes import JobRoutes
        from studio_worker_core.local_api.original.model_routes import ModelRoutes
        from studio_worker_core.struct_types import make_all_ready

        def names() -> Names:
            api = self._settings().api
            return Names(api.aliases, api.voices, frozenset(map(str.lower, api.hosts)))

        make_all_ready()
        self._api = Api(self._source, names, limits=lambda: self._settings().inputs)
        daemon, history = self._daemon, self._journal.reader(_FRESH_SECONDS)
        more = [
            *DaemonRoutes(daemon).routes(),
            *EventRoutes(daemon).routes(),
            *JobRoutes(history).routes(),
            *ModelRoutes(self._models).routes(),
        ]
        return build_app(
            self._api,
            self._shown_token,
            self._health,
            more,
            PageParts(daemon=daemon, history=history, models=self._model_parts()),
        )

    def _model_parts(self) -> ModelParts:
        return ModelParts(
            host=self._models,
            files=lambda: ModelStore(self._store.models_root),
            lanes=self._lanes.status,
            engines=lambda: [entry.engine for entry in self._roster.entries if entry.ready],
        )

    def _shown_token(self) -> str:
        return self._token.reveal() if self._token is not None else ""

    def _health(self) -> dict[str, Any]:
        root = self._store.models_root
        return {
            "ok": True,
            "version": __version__,
            "busy": bool(self._slots.jobs()),
            "engine": "multi",
            "modelsRoot": str(root),
            "modelsRootFreeBytes": _free_bytes(root),
            "gpuRuntime": self._daemon.gpu_runtime(),
        }


def _port(config: Config) -> int:
    given = os.environ.get(PORT_VARIABLE, "").strip()
    if not given:
        return config.local_api_port
    if given.isdecimal() and int(given) <= _MOST_PORT:
        return int(given)
    _log.warning("%s=%s is no port; local_api_port counts", PORT_VARIABLE, given[:80])
    return config.local_api_port


def _free_bytes(root: Path) -> int | None:
    try:
        return shutil.disk_usage(root).free
    except OSError:
        return None
