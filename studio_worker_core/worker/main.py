"""One worker from start to end: its rooms, its threads, its shutdown."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from studio_worker_core import __version__
from studio_worker_core.config import Config, ConfigStore
from studio_worker_core.delivery import Delivery, Settled
from studio_worker_core.engines.discovery import allowed_plugins, discover
from studio_worker_core.engines.isolated import isolated_plugins
from studio_worker_core.engines.lanes import Lanes
from studio_worker_core.engines.roster import Roster
from studio_worker_core.errors import (
    ConfigError,
    HttpStatusError,
    ModelStoreError,
    TransportError,
)
from studio_worker_core.gate import Gate
from studio_worker_core.host.facts import host_facts
from studio_worker_core.host.gpu import default_vram_threshold, gpu_memory
from studio_worker_core.host.lock import InstanceLock
from studio_worker_core.host.presence import user_presence
from studio_worker_core.jobs import JobRunner
from studio_worker_core.log_shipping import LogShipper
from studio_worker_core.models.catalogue import Catalogue
from studio_worker_core.models.inputs import InputFetcher
from studio_worker_core.models.store import ModelStore
from studio_worker_core.outbox import Entry, Outbox
from studio_worker_core.plugin import API_VERSION, HostInfo, JobEvent
from studio_worker_core.studio_client.http import StudioClient
from studio_worker_core.studio_client.upload import ResultUpload
from studio_worker_core.wire.frames import Claim
from studio_worker_core.worker.conditions import Conditions
from studio_worker_core.worker.crew import Crew
from studio_worker_core.worker.desk import Desk
from studio_worker_core.worker.gpu_budget import GpuBudget
from studio_worker_core.worker.held import StopReason
from studio_worker_core.worker.link import Link
from studio_worker_core.worker.running import JobLoop
from studio_worker_core.worker.settings import LiveSettings, open_settings
from studio_worker_core.worker.shutdown import Shutdown
from studio_worker_core.worker.status import StatusBoard

__all__ = ["Worker", "run_worker"]

log = logging.getLogger("studio_worker.worker")

_HAND_BACK_SECONDS = 5.0
_FLUSH_SECONDS = 5.0
_JOIN_SECONDS = 10.0


def run_worker(store: ConfigStore, *, board: StatusBoard, shutdown: Shutdown) -> None:
    """Serve until ``shutdown.stop`` is set; blocks.

    Raises:
        AlreadyRunning: another worker holds this config directory.
        ConfigError: the settings cannot be used.
        OutboxError: the outbox cannot be opened.
        RegistrationRejected, SessionRefused, TransportError: see :meth:`.Link.run`.
    """
    with InstanceLock(store.lock_path):
        logs = LogShipper()
        logger = logging.getLogger("studio_worker")
        logger.addHandler(logs)
        try:
            fresh = not store.path.exists()
            config = open_settings(store)
            if fresh:
                config = _fitted(store, config)
            board.post(studio_url=config.api_base_url)
            Worker(store, config, logs, board, shutdown.stop).serve()
        finally:
            logger.removeHandler(logs)


class Worker:
    """The rooms of one worker, put together; :meth:`serve` runs them."""

    def __init__(
        self,
        store: ConfigStore,
        config: Config,
        logs: LogShipper,
        board: StatusBoard,
        stop: threading.Event,
    ) -> None:
        self._board = board
        self._stop = stop
        self._closing = threading.Event()
        self._crew = Crew(stop)
        self._settings = settings = LiveSettings(store)
        for secret in (config.auth_token, config.registration_secret, config.local_api_token):
            logs.redact(secret)
        self._outbox = outbox = Outbox(store.outbox_root, lambda: settings().outbox)
        for line in outbox.recover():
            log.warning("%s", line)
        self._roster = _roster(config, store)
        self._lanes = lanes = Lanes(lambda: settings().limits)
        self._gate = Gate()
        self._uploads = StudioClient(config.api_base_url)
        self._delivery = delivery = Delivery(
            outbox,
            self._complete,
            self._closing,
            is_ours=lambda job_id: self._desk.is_ours(job_id),
            on_settled=self._settled,
            guard=self._crew.guard,
        )
        runner = JobRunner(
            self._roster,
            lanes,
            ModelStore(store.models_root),
            InputFetcher(lambda: settings().inputs, self._uploads.base_url),
            outbox,
        )
        self._conditions = Conditions(
            settings,
            host_facts(),
            lambda: self._roster.offerings(lanes.withdrawn()),
            stopping=stop,
            presence=user_presence,
            room=outbox.room,
            on_change=lambda reason: board.post(not_taking=reason),
        )
        self._budget = GpuBudget(lanes, lambda: settings().vram_threshold_gb, gpu_memory)
        self._catalogue = Catalogue(store.models_root)
        self._jobs = JobLoop(
            runner,
            delivery,
            self._roster,
            board,
            worker_id=lambda: settings().worker_id or "",
            prepare=self._prepare,
        )
        self._desk = Desk(
            capabilities=self._conditions.capabilities,
            not_taking=self._conditions.not_taking,
            admission=self._budget.admission,
            gate=self._gate,
            delivery=delivery,
            logs=logs,
            start=self._jobs.start,
        )
        self._jobs.serve(self._desk)
        self._link = Link(
            store,
            self._desk,
            self._conditions.capabilities,
            logs,
            board,
            stopping=stop,
            closing=self._closing,
        )

    def serve(self) -> None:
        """Start the threads, wait for the stop, and wind down in order."""
        crew = self._crew
        self._delivery.start()
        crew.start("jobs", self._jobs.run)
        crew.start("link", self._link.run)
        try:
            self._stop.wait()
        finally:
            self._wind_down()
        crew.raise_failure()

    def _wind_down(self) -> None:
        """No new offers; the running job gets its grace; what can be sent is sent."""
        grace = self._settings().shutdown_grace_seconds
        deadline = time.monotonic() + grace
        self._board.post(state="stopping", detail="")
        self._link.abandon_registration()
        held = self._desk.held
        if held is not None:
            log.info("stopping: job %s has %.0f s to finish", held.job_id, grace)
            if not self._gate.wait_free(grace):
                held.stop(StopReason.SHUTDOWN)
                self._gate.wait_free(_HAND_BACK_SECONDS)
        self._jobs.finish()
        # The gate opens before a job's end is told; the session must hear it first.
        self._crew.join(_HAND_BACK_SECONDS, "jobs")
        self._delivery.flush(max(_FLUSH_SECONDS, deadline - time.monotonic()))
        self._closing.set()
        self._uploads.close()
        left = self._crew.join(_JOIN_SECONDS)
        if not self._delivery.join(_JOIN_SECONDS):
            left.append("delivery")
        self._lanes.close()
        if left:
            log.error("threads that did not end: %s", ", ".join(left))

    def _complete(self, entry: Entry, abort: Callable[[], bool]) -> None:
        config = self._settings()
        manifest = entry.manifest
        if config.worker_id is None or config.auth_token is None:
            raise TransportError("complete", "this worker is not registered yet")
        if manifest.worker != config.worker_id:
            raise HttpStatusError(
                *("complete", 410),
                f"made as worker {manifest.worker}, which this worker no longer is "
                f"(now {config.worker_id})",
            )
        upload = ResultUpload(
            path=entry.path,
            ext=manifest.ext,
            mime=manifest.mime,
            prompt=manifest.prompt,
            file_name=f"{manifest.job}.{manifest.ext}",
            abort=abort,
        )
        self._uploads.complete(manifest.worker, config.auth_token, manifest.job, upload)

    def _settled(self, settled: Settled) -> None:
        manifest = settled.entry.manifest
        if settled.outcome == "delivered":
            self._board.count("done")
        self._board.post(undelivered=len(self._delivery.pending_ids()))
        self._roster.notify(
            JobEvent(
                what=settled.outcome,
                job_id=manifest.job,
                engine=manifest.engine,
                model=manifest.model,
                kind=manifest.kind,
                error=settled.reason,
            )
        )

    def _prepare(self, claim: Claim) -> None:
        try:
            self._catalogue.mirror(claim)
        except ModelStoreError as error:
            log.warning("the offered model is not noted in the catalogue: %s", error)
        self._budget.make_room(claim)


def _fitted(store: ConfigStore, config: Config) -> Config:
    """A fresh config asks for no more GPU memory than the machine has."""
    threshold = default_vram_threshold(gpu_memory())
    if threshold >= config.vram_threshold_gb:
        return config
    try:
        return store.update(vram_threshold_gb=threshold)
    except ConfigError as error:
        log.warning("%s", error)
        return store.hold(vram_threshold_gb=threshold)


def _roster(config: Config, store: ConfigStore) -> Roster:
    host = HostInfo(
        api_version=API_VERSION, agent_version=__version__, models_root=store.models_root
    )
    return discover(
        host,
        disabled=config.plugins.disabled,
        allowed=allowed_plugins(),
        isolated=isolated_plugins(store.engines_root),
    )
