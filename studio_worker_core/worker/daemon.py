"""The worker itself, as the local API sees and changes it."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct

from studio_worker_core import __version__
from studio_worker_core.config import ConfigStore
from studio_worker_core.host.gpu import GpuMemory
from studio_worker_core.jobs.job import Source
from studio_worker_core.jobs.slots import Slots
from studio_worker_core.local_api.daemon import (
    Daemon,
    DaemonStatus,
    EverySetting,
    HeartbeatShown,
    LogPage,
    NotRejected,
    RegistrationShown,
    SessionShown,
    SettingsShown,
)
from studio_worker_core.registration import (
    Approved,
    Identity,
    Pending,
    Pristine,
    Rejected,
    forget_rejection,
    identity_at,
    standing_of,
)
from studio_worker_core.wire.timestamps import in_utc
from studio_worker_core.worker.changes import Changes
from studio_worker_core.worker.job_memory import JobMemory
from studio_worker_core.worker.log_ring import LogRing
from studio_worker_core.worker.shown_settings import ShownSettings
from studio_worker_core.worker.status import StatusBoard, WorkerStatus

_log = logging.getLogger("studio_worker.worker")

_GPU_SECONDS = 5.0
"""How long an answer of the graphics driver holds: pages ask several times a second."""


class Sights(Struct, frozen=True):
    """What there is to see of a worker. All of it answers from memory but ``gpu``."""

    board: StatusBoard
    slots: Slots
    jobs: JobMemory
    logs: LogRing
    changes: Changes
    paused: Callable[[], bool]
    heartbeat: Callable[[], datetime | None]
    """When the last one was sent."""
    gpu: Callable[[], GpuMemory | None]
    """May wait for the driver for a moment."""
    url: Callable[[], str]
    """Of the local API."""


class Levers(Struct, frozen=True):
    """What the local API may do to a worker."""

    pause: Callable[[bool], None]
    """Raises ConfigError where that cannot be noted."""
    stop: Callable[[], None]


class WorkerDaemon(Daemon):
    """One worker."""

    def __init__(
        self,
        store: ConfigStore,
        sights: Sights,
        levers: Levers,
        *,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store = store
        self._started = store.config
        self._settings = ShownSettings(store)
        self._sights = sights
        self._levers = levers
        self._clock = clock
        self._now = now
        self._gpu: tuple[float, GpuMemory | None] | None = None

    def status(self) -> DaemonStatus:
        """See :class:`.Daemon`."""
        sights, config = self._sights, self._store.config
        board, active, gpu = sights.board.current, sights.jobs.active(), self._gpu_memory()
        identity = identity_at(config.api_base_url, config)
        running = sights.slots.jobs()
        ids = [job.job_id for job in active] or [job.job_id for job in running]
        return DaemonStatus(
            version=__version__,
            pid=os.getpid(),
            config_path=str(self._store.path),
            paused=sights.paused(),
            busy=bool(ids),
            registered=isinstance(standing_of(identity, self._now()), Approved),
            worker_id=identity.worker_id,
            registration=_registration(identity, self._now()),
            config=self._settings.now(),
            session=_session(board, identity),
            heartbeat=self._heartbeat(board),
            gpu_runtime=_gpu_runtime(gpu),
            vram_total_gb=gpu.total_gb if gpu is not None else 0.0,
            vram_free_gb=gpu.free_gb if gpu is not None else 0.0,
            local_api_url=sights.url(),
            current_job_id=next(iter(ids), None),
            active_jobs=active,
            recent_jobs=sights.jobs.ended(Source.STUDIO),
            local_jobs=sights.jobs.ended(Source.LOCAL),
            logs_seq=sights.logs.seq,
            state=board.state,
            since=in_utc(board.since),
            detail=board.detail,
            done=board.done,
            failed=board.failed,
            undelivered=board.undelivered,
            not_taking=board.not_taking,
        )

    def gpu_runtime(self) -> Mapping[str, Any]:
        """See :class:`.Daemon`."""
        return _gpu_runtime(self._gpu_memory())

    def logs(self, after: int | None = None) -> LogPage:
        """See :class:`.Daemon`."""
        return self._sights.logs.page(after)

    def pause(self) -> bool:
        """See :class:`.Daemon`."""
        return self._paused(True)

    def resume(self) -> bool:
        """See :class:`.Daemon`."""
        return self._paused(False)

    def config(self) -> SettingsShown:
        """See :class:`.Daemon`."""
        return self._settings.now()

    def change_config(self, wanted: SettingsShown) -> SettingsShown:
        """See :class:`.Daemon`."""
        settings = self._settings.change(wanted)
        self._sights.changes.ring()
        return settings

    def every_setting(self) -> EverySetting:
        """See :class:`.Daemon`."""
        store = self._store
        return EverySetting(store.config, self._started, str(store.path), store.unknown_keys)

    def set_texts(self, texts: Mapping[str, str]) -> Mapping[str, str]:
        """See :class:`.Daemon`."""
        wrong = self._settings.set_texts(texts)
        if not wrong:
            self._sights.changes.ring()
        return wrong

    def reset(self) -> None:
        """See :class:`.Daemon`."""
        with self._settings.writing():
            was_rejected = forget_rejection(self._store)
        if not was_rejected:
            raise NotRejected(
                "the studio has not rejected this worker; 'studio-worker register --reset' begins "
                "anew whatever it is"
            )
        self._sights.changes.ring()

    def shutdown(self) -> None:
        """See :class:`.Daemon`."""
        _log.info("stopping: a client of the local API asked for it")
        self._levers.stop()

    def subscribe(self, changed: Callable[[], None]) -> Callable[[], None]:
        """See :class:`.Daemon`."""
        return self._sights.changes.subscribe(changed)

    @property
    def ended(self) -> bool:
        """See :class:`.Daemon`."""
        return self._sights.changes.closed

    def _paused(self, paused: bool) -> bool:
        with self._settings.writing():
            self._levers.pause(paused)
        self._sights.changes.ring()
        return self._sights.paused()

    def _heartbeat(self, board: WorkerStatus) -> HeartbeatShown | None:
        sent = self._sights.heartbeat()
        if sent is None:
            return None
        return HeartbeatShown("ok" if board.connected else "failed", in_utc(sent))

    def _gpu_memory(self) -> GpuMemory | None:
        found, now = self._gpu, self._clock()
        if found is None or now - found[0] >= _GPU_SECONDS:
            self._gpu = found = now, self._sights.gpu()
        return found[1]


def _gpu_runtime(memory: GpuMemory | None) -> Mapping[str, Any]:
    if memory is None:
        return {"ok": False, "detail": "no graphics card was found; engines use the processor"}
    return {"ok": True, "detail": f"{memory.name}, {memory.total_gb:.1f} GB"}


def _registration(identity: Identity, now: datetime) -> RegistrationShown:
    match standing_of(identity, now):
        case Pristine():
            return RegistrationShown(state="pristine")
        case Pending(request_id, since):
            return RegistrationShown(state="pending", request_id=request_id, since=in_utc(since))
        case Approved(worker_id):
            return RegistrationShown(state="approved", worker_id=worker_id)
        case Rejected(reason):
            return RegistrationShown(state="rejected", reason=reason)


def _session(board: WorkerStatus, identity: Identity) -> SessionShown:
    if board.connected:
        return SessionShown(state="connected")
    if identity.auth_token is None:
        return SessionShown(state="waiting_for_approval")
    if board.state == "refused":
        return SessionShown(state="fatal", message=board.detail)
    return SessionShown(
        state="reconnecting", attempt=max(board.attempt, 1), message=board.detail or None
    )
