"""One worker from start to end: its rooms, its threads, its shutdown."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from studio_worker_core.config import Config, ConfigStore
from studio_worker_core.delivery import Delivery, Settled
from studio_worker_core.errors import (
    ConfigError,
    HttpStatusError,
    TransportError,
)
from studio_worker_core.gate import Gate
from studio_worker_core.host.facts import host_facts
from studio_worker_core.host.gpu import default_vram_threshold, gpu_memory
from studio_worker_core.host.lock import InstanceLock
from studio_worker_core.host.presence import user_presence
from studio_worker_core.log_shipping import LogShipper
from studio_worker_core.outbox import Entry
from studio_worker_core.plugin import JobEvent
from studio_worker_core.studio_client.upload import ResultUpload
from studio_worker_core.worker.conditions import Conditions
from studio_worker_core.worker.crew import Crew
from studio_worker_core.worker.desk import Desk
from studio_worker_core.worker.held import StopReason
from studio_worker_core.worker.link import Link
from studio_worker_core.worker.rooms import open_rooms
from studio_worker_core.worker.running import JobLoop
from studio_worker_core.worker.settings import open_settings
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
            config = open_settings(store)
            if config.install_id is None:
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
        for secret in (config.auth_token, config.registration_secret, config.local_api_token):
            logs.redact(secret)
        self._rooms = rooms = open_rooms(store, config)
        self._gate = Gate()
        self._delivery = Delivery(
            rooms.outbox,
            self._complete,
            self._closing,
            is_ours=lambda job_id: self._desk.is_ours(job_id),
            on_settled=self._settled,
            guard=self._crew.guard,
        )
        conditions = Conditions(
            rooms.settings,
            host_facts(),
            rooms.offerings,
            stopping=stop,
            presence=user_presence,
            room=rooms.outbox.room,
            on_change=lambda reason: board.post(not_taking=reason),
        )
        self._jobs = JobLoop(
            rooms.runner,
            self._delivery,
            rooms.roster,
            board,
            worker_id=lambda: rooms.settings().worker_id or "",
            prepare=rooms.prepare,
        )
        self._desk = Desk(
            capabilities=conditions.capabilities,
            not_taking=conditions.not_taking,
            admission=rooms.budget.admission,
            gate=self._gate,
            delivery=self._delivery,
            logs=logs,
            start=self._jobs.start,
        )
        self._jobs.serve(self._desk)
        self._link = Link(
            store,
            self._desk,
            conditions.capabilities,
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
        grace = self._rooms.settings().shutdown_grace_seconds
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
        self._rooms.uploads.close()
        left = self._crew.join(_JOIN_SECONDS)
        if not self._delivery.join(_JOIN_SECONDS):
            left.append("delivery")
        self._rooms.lanes.close()
        if left:
            log.error("threads that did not end: %s", ", ".join(left))

    def _complete(self, entry: Entry, abort: Callable[[], bool]) -> None:
        config = self._rooms.settings()
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
        self._rooms.uploads.complete(manifest.worker, config.auth_token, manifest.job, upload)

    def _settled(self, settled: Settled) -> None:
        manifest = settled.entry.manifest
        if settled.outcome == "delivered":
            self._board.count("done")
        self._board.post(undelivered=len(self._delivery.pending_ids()))
        self._rooms.roster.notify(
            JobEvent(
                what=settled.outcome,
                job_id=manifest.job,
                engine=manifest.engine,
                model=manifest.model,
                kind=manifest.kind,
                error=settled.reason,
            )
        )


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
