"""One lane: drives the machine of :mod:`.lane_states` with a real process."""

from __future__ import annotations

import logging
import os
import queue
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from studio_worker_core.config import Limits
from studio_worker_core.engines import lane_life as life
from studio_worker_core.engines import messages
from studio_worker_core.engines.lane_states import step
from studio_worker_core.engines.outcomes import Completed, Faulted, Outcome
from studio_worker_core.engines.process import Closed, Gone, Heard
from studio_worker_core.engines.spawner import Spawner
from studio_worker_core.engines.work import LaneRequest, OnLog, OnProgress
from studio_worker_core.plugin import Model

__all__ = ["Lane"]

_log = logging.getLogger("studio_worker.engines.lane")

_POLL_SECONDS = 0.05
_INBOX = 1000
"""Messages held; when it is full the engine process has to wait before it says more."""
_MEASURE_SECONDS = 0.5
_GIGABYTE = 1024**3
_MEBIBYTE = 1024**2


class Lane:
    """One engine process with one model loaded. Its driver (``run``, ``end``) is one thread
    at a time; the process's threads only put what they hear into the inbox.

    A lane keeps one model for life: another model gets a fresh process, which is the only
    way that memory is really given back.

    Raises:
        OSError: the process cannot be started.
    """

    def __init__(
        self,
        request: LaneRequest,
        spawner: Spawner,
        limits: Callable[[], Limits],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        assert request.entry.spec is not None
        self.engine = request.entry.engine
        self.factory = request.entry.spec.factory
        self.model: Model = request.model
        self.jobs_done = 0
        self._limits = limits
        self._clock = clock
        self._inbox: queue.Queue[Heard] = queue.Queue(_INBOX)
        self._state: life.State = life.Loading(request.job_id, clock())
        self._request: LaneRequest | None = request
        self._on_progress: OnProgress = _nobody
        self._on_log: OnLog = _nobody
        self._outcome: Outcome | None = None
        self._fraction = 0.0
        self._measured_at = 0.0
        self._process = spawner.start(self.engine, self._inbox.put, request.entry.interpreter)
        self._perform(
            self._process.send(messages.Load(self.factory, self.model, _search_path(request)))
        )

    @property
    def pid(self) -> int:
        """Process id of the engine process."""
        return self._process.pid

    @property
    def state(self) -> life.State:
        return self._state

    def serves(self, request: LaneRequest) -> bool:
        """Whether this lane has the request's engine and model loaded, and is alive."""
        self._hear_all()
        assert request.entry.spec is not None
        return (
            isinstance(self._state, life.Idle)
            and not self._process.has_died()
            and self.factory == request.entry.spec.factory
            and self.model == request.model
        )

    def memory_bytes(self) -> int:
        """Resident memory of the lane's processes."""
        return self._process.memory_bytes()

    def run(
        self,
        request: LaneRequest,
        *,
        stops: tuple[threading.Event, ...],
        on_progress: OnProgress,
        on_log: OnLog,
    ) -> Outcome:
        """Do one job and wait for how it ends. Any of ``stops`` cancels it."""
        self._request, self._outcome, self._fraction = request, None, 0.0
        self._on_progress, self._on_log = on_progress, on_log
        if not isinstance(self._state, life.Loading):
            self._feed(life.Begin(request.job_id))
        stop_told = False
        while (outcome := self._reported()) is None:
            if not stop_told and any(stop.is_set() for stop in stops):
                stop_told = True
                self._feed(life.CancelAsked())
            self._hear_one(_POLL_SECONDS)
            self._measure()
        self._request = None
        self._on_progress = self._on_log = _nobody
        self.jobs_done += 1
        return outcome

    def end(self) -> None:
        """Ask the engine to unload and quit, then end its process by force."""
        self._feed(life.EndAsked())
        while not isinstance(self._state, life.Ended):
            self._hear_one(_POLL_SECONDS)
            self._feed(life.Measured(self._limits()))

    @property
    def ended(self) -> bool:
        """Whether its process is gone."""
        self._hear_all()
        return isinstance(self._state, life.Ended)

    def _hear_one(self, timeout: float) -> None:
        try:
            heard = self._inbox.get(timeout=timeout)
        except queue.Empty:
            return
        self._hear(heard)

    def _hear_all(self) -> None:
        while not self._inbox.empty():
            self._hear(self._inbox.get())

    def _hear(self, heard: Heard) -> None:
        match heard:
            case messages.Ready(pid=pid):
                _log.debug("engine %s runs in process %d", self.engine, pid)
            case messages.Loaded(seconds=seconds):
                _log.info(
                    "engine %s loaded %s in %.1f s",
                    self.engine,
                    self.model.name,
                    seconds,
                    extra={"engine": self.engine, "model": self.model.name},
                )
                self._feed(life.Loaded())
            case messages.Progress(job_id=job_id, fraction=fraction, message=message):
                self._feed(life.Sign())
                if self._is_current(job_id) and self._fraction <= fraction <= 1.0:
                    self._fraction = fraction
                    self._on_progress(fraction, message)
            case messages.Log(level=level, message=line):
                self._feed(life.Sign())
                self._on_log(level, line)
            case messages.Done(job_id=job_id, file=file, answer=answer):
                completed = Completed(
                    file=Path(file) if file is not None else None,
                    answer=Path(answer) if answer is not None else None,
                )
                self._feed(life.Answered(job_id, completed))
            case messages.Failed():
                self._feed(life.Answered(heard.job_id, _faulted(heard)))
            case Closed(reason=reason, garbage=garbage):
                self._feed(life.Broken(reason, closed=not garbage))
            case Gone(cause=cause):
                self._feed(life.Exited(cause))

    def _reported(self) -> Outcome | None:
        return self._outcome

    def _is_current(self, job_id: str) -> bool:
        return self._request is not None and self._request.job_id == job_id

    def _measure(self) -> None:
        now = self._clock()
        if now - self._measured_at < _MEASURE_SECONDS:
            # Time limits and a lane that is on its way out are looked at more often.
            self._feed(life.Measured(self._limits()))
            return
        self._measured_at = now
        request = self._request
        self._feed(
            life.Measured(
                self._limits(),
                memory_gb=self._process.memory_bytes() / _GIGABYTE,
                output_mb=_size_of(request.directory) / _MEBIBYTE if request else 0.0,
            )
        )

    def _feed(self, event: life.Event) -> None:
        self._state, effects = step(self._state, event, self._clock())
        for effect in effects:
            self._do(effect)

    def _do(self, effect: life.Effect | life.Report) -> None:
        match effect:
            case life.Report(outcome=outcome):
                self._outcome = outcome
            case life.Effect.SEND_JOB:
                self._perform(self._send_job())
            case life.Effect.SEND_CANCEL:
                assert self._request is not None
                # Not taken: the process is hung or gone, and force follows anyway.
                self._process.send(messages.CancelJob(self._request.job_id))
            case life.Effect.SEND_QUIT:
                self._process.send(messages.Quit())
            case life.Effect.TERMINATE:
                self._process.terminate()
            case life.Effect.KILL:
                self._process.kill()

    def _send_job(self) -> str | None:
        request = self._request
        assert request is not None
        return self._process.send(
            messages.Generate(
                job_id=request.job_id,
                task=request.task,
                inputs=dict(request.inputs),
                directory=request.directory,
                scratch=request.scratch,
            )
        )

    def _perform(self, failure: str | None) -> None:
        """A message that could not be sent breaks the lane."""
        if failure is not None:
            self._feed(life.Broken(failure))


def _faulted(failed: messages.Failed) -> Faulted:
    if failed.because == "crash":
        return Faulted("engine", failed.message, broken=True)
    return Faulted(failed.because, failed.message)


def _size_of(directory: Path) -> int:
    total = 0
    try:
        with os.scandir(directory) as found:
            for item in found:
                total += item.stat(follow_symlinks=False).st_size
    except OSError:
        return total
    return total


def _nobody(*_: object) -> None:
    """Listens to a lane that has no job."""


def _search_path(request: LaneRequest) -> list[str]:
    """Where the child looks for packages: as the worker does, unless it has its own place."""
    if request.entry.interpreter is not None:
        return []
    return [path for path in sys.path if path]
