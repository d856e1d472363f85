"""One worker from start to end: its parts, its threads, its shutdown."""

from __future__ import annotations

import itertools
import logging
import threading
import time
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from studio_worker_core.config import Config, ConfigStore
from studio_worker_core.delivery import Delivery, Settled
from studio_worker_core.host.facts import host_facts
from studio_worker_core.host.presence import user_presence
from studio_worker_core.jobs.job import StopReason
from studio_worker_core.jobs.keeping import OutboxKeeper
from studio_worker_core.jobs.leases import Leases
from studio_worker_core.jobs.service import JobService
from studio_worker_core.jobs.slots import Slots
from studio_worker_core.plugin import JobEvent
from studio_worker_core.session import Outlet
from studio_worker_core.session.log_shipping import LogShipper
from studio_worker_core.worker.availability import Availability
from studio_worker_core.worker.changes import Changes
from studio_worker_core.worker.daemon import Levers, Sights, WorkerDaemon
from studio_worker_core.worker.hosting import Hosting
from studio_worker_core.worker.job_memory import JobMemory
from studio_worker_core.worker.last_known import LastKnown
from studio_worker_core.worker.local_api import LocalApi
from studio_worker_core.worker.log_ring import LogRing
from studio_worker_core.worker.parts import open_parts
from studio_worker_core.worker.run_state import PauseSwitch
from studio_worker_core.worker.shutdown import Shutdown
from studio_worker_core.worker.status import ShownOnBoard, StatusBoard
from studio_worker_core.worker.studio import Studio
from studio_worker_core.worker.studio_link import StudioLink
from studio_worker_core.worker.threads import Threads

log = logging.getLogger("studio_worker.worker")

_HAND_BACK_SECONDS = 5.0
_FLUSH_SECONDS = 5.0
_JOIN_SECONDS = 10.0
_WATCH_SECONDS = 1.0
_GPU_SECONDS = 1.0
"""How long who asks after this worker's health may wait for the graphics driver."""
_JOURNAL_SECONDS = 5.0
"""How long the end waits for what the job journal still has to write."""
_END_SECONDS = 30.0
"""From the last frame to the end of the process, when something hangs for good."""


class Worker:
    """The parts of one worker, put together; :meth:`serve` runs them."""

    def __init__(
        self,
        store: ConfigStore,
        config: Config,
        logs: LogShipper,
        kept_logs: LogRing,
        changes: Changes,
        board: StatusBoard,
        stop: threading.Event,
        switch: PauseSwitch,
        *,
        with_studio: bool,
    ) -> None:
        self._board = board
        self._changes = changes
        self._with_studio = with_studio
        self._stop = stop
        self._closing = threading.Event()
        self._threads = Threads(stop)
        self._watch = Threads(stop)
        for secret in (config.auth_token, config.registration_secret, config.local_api_token):
            logs.redact(secret)
        self._parts = parts = open_parts(store, config, stop)
        self._hosting = hosting = Hosting(parts, lambda: switch.unloads, changes.ring)
        self._slots = slots = Slots(is_kept=hosting.keeps)
        self._job_threads: list[str] = []
        self._job_numbers = itertools.count(1)
        leases: Leases[Outlet] = Leases()
        self._delivery = self._make_delivery(leases)
        self._availability = availability = self._make_availability(switch)
        remembered = JobMemory(changes.ring)
        self._jobs = JobService(
            parts.runner,
            slots,
            prepare=parts.prepare,
            around=hosting.making_way,
            notify=parts.roster.notify,
            recorders=[parts.journal],
            watchers=[ShownOnBoard(board, lambda: self._delivery.pending_count()), remembered],
            start=self._start_job_thread,
        )
        studio = self._make_studio(leases, logs)
        self._link = StudioLink(
            store,
            studio,
            availability.capabilities,
            board,
            stopping=stop,
            closing=self._closing,
        )
        sights = self._make_sights(remembered, kept_logs, switch, lambda: studio.last_heartbeat)
        daemon = WorkerDaemon(store, sights, Levers(partial(self._pause, switch), stop.set))
        self._local = LocalApi(
            store,
            parts.settings,
            slots,
            self._jobs,
            parts.roster,
            parts.journal,
            logs.redact,
            parts.lanes,
            daemon,
            hosting.host,
        )

    def _start_job_thread(self, body: Callable[[], None]) -> None:
        name = f"job-{next(self._job_numbers)}"
        self._job_threads.append(name)
        self._threads.start(name, body)

    def _pause(self, switch: PauseSwitch, paused: bool) -> None:
        switch.turn(paused)
        self._availability.pause_changed()

    def _make_studio(self, leases: Leases[Outlet], logs: LogShipper) -> Studio:
        parts, availability = self._parts, self._availability
        return Studio(
            capabilities=availability.capabilities,
            not_taking=availability.not_taking,
            admission=self._hosting.admission,
            slots=self._slots,
            leases=leases,
            jobs=self._jobs,
            keeper=partial(OutboxKeeper, parts.outbox, lambda: parts.settings().worker_id or ""),
            delivery=self._delivery,
            logs=logs,
        )

    def _make_sights(
        self,
        remembered: JobMemory,
        kept_logs: LogRing,
        switch: PauseSwitch,
        heartbeat: Callable[[], datetime | None],
    ) -> Sights:
        return Sights(
            board=self._board,
            slots=self._slots,
            jobs=remembered,
            logs=kept_logs,
            changes=self._changes,
            paused=lambda: switch.last,
            heartbeat=heartbeat,
            gpu=lambda: self._parts.gpu.fresh(_GPU_SECONDS),
            url=lambda: self._local.url,
        )

    def _make_delivery(self, leases: Leases[Outlet]) -> Delivery:
        return Delivery(
            self._parts.outbox,
            self._parts.uploads.completes(lambda: leases.takes_meta),
            self._closing,
            may_send=self._parts.uploads.may_send,
            is_ours=leases.is_ours,
            on_settled=self._settled,
            guard=self._threads.guard,
        )

    def _make_availability(self, paused: Callable[[], bool]) -> Availability:
        parts = self._parts
        return Availability(
            parts.settings,
            host_facts(),
            parts.offerings,
            stopping=self._stop,
            paused=paused,
            presence=user_presence,
            room=lambda: parts.outbox.room(parts.uploads.worker_id()),
            on_change=lambda reason: self._board.post(not_taking=reason),
        )

    def serve(self, shutdown: Shutdown) -> None:
        """Start the threads, wait for the stop, and wind down in order."""
        threads = self._threads
        watched = self._watched()
        watched["room"].ask_now()  # a full outbox is known before the first offer
        for name, each in watched.items():
            self._watch.start(name, each.run)
        self._parts.journal.start(threads.guard)
        for _ in range(len(self._slots)):
            self._start_job_thread(self._jobs.run)
        for name, body in {**self._hosting.bodies(self._stop), **self._local.open()}.items():
            threads.start(name, body)
        if self._with_studio:
            self._delivery.start()
            threads.start("link", self._link.run)
        else:
            self._board.post(state="serving", detail=self._local.url)
        threads.start("roster", lambda: self._parts.watch_engines(self._stop))
        shutdown.serving()
        try:
            self._stop.wait()
        finally:
            self._wind_down(shutdown)
        threads.raise_failure()
        self._watch.raise_failure()

    def _watched(self) -> dict[str, LastKnown[Any]]:
        """What may hang, each with the name of its thread."""
        parts = self._parts
        return {
            "settings": parts.settings.watched,
            "gpu": parts.gpu,
            **self._availability.watched,
        }

    def _wind_down(self, shutdown: Shutdown) -> None:
        """No new offers; the running job gets its grace; what can be sent is sent."""
        grace = self._parts.settings().shutdown_grace_seconds
        deadline = time.monotonic() + grace
        self._board.post(state="stopping", detail="")
        self._link.abandon_registration()
        self._local.stop_taking()
        self._hosting.close()
        for job in self._slots.jobs():
            log.info("stopping: job %s has %.0f s to finish", job.job_id, grace)
        if not self._slots.wait_idle(grace):
            for job in self._slots.jobs():
                job.stop(StopReason.SHUTDOWN)
            self._slots.wait_idle(_HAND_BACK_SECONDS)
        self._jobs.finish()
        # A slot is free before its job's end is told; the session must hear it first.
        self._threads.join(_HAND_BACK_SECONDS, *self._job_threads)
        self._changes.close()
        self._local.close()
        if self._with_studio:
            self._delivery.flush(max(_FLUSH_SECONDS, deadline - time.monotonic()))
        self._closing.set()
        shutdown.ending(_END_SECONDS)
        for each in self._watched().values():
            each.end()
        self._parts.uploads.close()
        left = self._threads.join(_JOIN_SECONDS)
        self._local.forget()
        if self._with_studio and not self._delivery.join(_JOIN_SECONDS):
            left.append("delivery")
        left += self._watch.join(_WATCH_SECONDS)
        self._parts.lanes.close()
        self._parts.roster.close()
        if not self._parts.journal.close(_JOURNAL_SECONDS):
            left.append("journal")
        if left:
            log.error("threads that did not end: %s", ", ".join(left))

    def _settled(self, settled: Settled) -> None:
        manifest = settled.entry.manifest
        self._parts.journal.delivered(settled.entry, settled.outcome, settled.reason)
        if settled.outcome == "delivered":
            self._board.count("done")
        elif settled.outcome == "lost":
            self._board.count("failed")
        self._board.post(undelivered=self._delivery.pending_count())
        self._parts.roster.notify(
            JobEvent(
                what="failed" if settled.outcome == "lost" else settled.outcome,
                job_id=manifest.job,
                engine=manifest.engine,
                model=manifest.model,
                kind=manifest.kind,
                error=settled.reason,
            )
        )
