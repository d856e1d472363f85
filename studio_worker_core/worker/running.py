"""Running one worker on a config directory: its lock, its log, its settings, then the worker."""

from __future__ import annotations

import logging

from studio_worker_core.config import Config, ConfigStore
from studio_worker_core.errors import ConfigError
from studio_worker_core.host.gpu import default_vram_threshold, gpu_memory
from studio_worker_core.host.lock import InstanceLock
from studio_worker_core.session.log_shipping import LogShipper
from studio_worker_core.struct_types import make_all_ready
from studio_worker_core.worker.changes import Changes
from studio_worker_core.worker.log_ring import LogRing
from studio_worker_core.worker.run_state import PauseSwitch
from studio_worker_core.worker.settings import open_settings
from studio_worker_core.worker.shutdown import Shutdown
from studio_worker_core.worker.status import StatusBoard
from studio_worker_core.worker.status_file import StatusFile
from studio_worker_core.worker.worker import Worker

log = logging.getLogger("studio_worker.worker")


def run_worker(
    store: ConfigStore,
    *,
    board: StatusBoard,
    shutdown: Shutdown,
    wait_for_lock: bool = False,
    with_studio: bool = True,
) -> None:
    """Serve until ``shutdown.stop`` is set; blocks.

    With ``wait_for_lock`` a worker that already runs here is waited for, not an error. Without
    ``with_studio`` only programs of this machine are served: nothing is registered or sent.

    Raises:
        AlreadyRunning: another worker holds this config directory.
        ConfigError: the settings cannot be used.
        OutboxError: the outbox cannot be opened.
        RegistrationRejected, SessionRefused, TransportError: see :meth:`.StudioLink.run`.
    """
    make_all_ready()
    with InstanceLock(store.lock_path, wait=shutdown.stop if wait_for_lock else None) as lock:
        if not lock.held:
            return
        changes = Changes()
        ring = LogRing(changes.ring)
        logs = LogShipper(also=ring.add)
        logger = logging.getLogger("studio_worker")
        logger.addHandler(logs)
        try:
            config = open_settings(store)
            if config.install_id is None:
                config = _fitted(store, config)
            with (
                PauseSwitch(store.lock_path, paused=config.paused) as switch,
                StatusFile(store.lock_path, board),
            ):
                if with_studio:
                    _name_studio(store, config, board)
                board.ring(changes.ring)
                worker = Worker(
                    store,
                    config,
                    logs,
                    ring,
                    changes,
                    board,
                    shutdown.stop,
                    switch,
                    with_studio=with_studio,
                )
                worker.serve(shutdown)
        finally:
            logger.removeHandler(logs)


def _name_studio(store: ConfigStore, config: Config, board: StatusBoard) -> None:
    if not store.names_a_studio:
        log.info("no studio is configured: asking the built-in one, %s", config.api_base_url)
    board.post(studio_url=config.api_base_url)


def _fitted(store: ConfigStore, config: Config) -> Config:
    """A new install asks for no more GPU memory than the machine has, unless it was told to."""
    if config.vram_threshold_gb != Config().vram_threshold_gb:
        return config
    threshold = default_vram_threshold(gpu_memory())
    if threshold >= config.vram_threshold_gb:
        return config
    try:
        return store.update(vram_threshold_gb=threshold)
    except ConfigError as error:
        log.warning("%s", error)
        return store.hold(vram_threshold_gb=threshold)
