"""One lane: drives the machine of :mod:`.machine` with a real process."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable

from studio_worker_core.config import Limits
from studio_worker_core.lanes import machine, protocol, states
from studio_worker_core.lanes.limits import size_of
from studio_worker_core.lanes.live import NOBODY, LiveOutput
from studio_worker_core.lanes.outcomes import Outcome, faulted
from studio_worker_core.lanes.passing_on import Inspections, PassingOn
from studio_worker_core.lanes.process import ChannelClosed, Heard, ProcessGone
from studio_worker_core.lanes.request import (
    LaneKey,
    LaneRequest,
    LoadRequest,
    OnLog,
    OnProgress,
)
from studio_worker_core.lanes.spawner import Spawner
from studio_worker_core.lanes.starting import environment_of, first_order
from studio_worker_core.redaction import without_secrets

_log = logging.getLogger("studio_worker.lanes.lane")

_POLL_SECONDS = 0.05
_INBOX = 1000
"""Messages held; when it is full the engine process has to wait before it says more."""
_MEASURE_SECONDS = 0.5
_GIGABYTE = 1024**3
_MEBIBYTE = 1024**2


class NotTaken(Exception):
    """A warm lane's process took no job any more: the job has not begun, and may have another."""


class Lane:
    """One engine process with one model loaded. Its driver (``run``, ``end``) is one thread
    at a time; the process's threads only put what they hear into the inbox.

    A lane keeps one model for life: another model, or the same name with other files, gets a
    fresh process, which is the only way that memory is really given back.

    :param request: its first job, which is to be passed to :meth:`run`, or a mere load, which
        :meth:`load` waits for.

    Raises:
        OSError: the process cannot be started.
        EngineFailed: it cannot be placed where the operator set it.
    """

    def __init__(
        self,
        key: LaneKey,
        request: LoadRequest,
        spawner: Spawner,
        limits: Callable[[], Limits],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.key = key
        self.engine = key.engine
        self.model = request.model
        self.jobs_done = 0
        self._limits = limits
        self._clock = clock
        self._inbox: queue.Queue[Heard] = queue.Queue(_INBOX)
        self._request: LaneRequest | None = request if isinstance(request, LaneRequest) else None
        self._state: states.State = states.Loading(
            self._request.job_id if self._request is not None else "load",
            clock(),
            load_only=self._request is None,
        )
        self._on_progress: OnProgress = _nobody
        self._on_log: OnLog = _nobody
        self._live: PassingOn | None = None
        self._inspections = Inspections(self._inbox.put)
        self._outcome: Outcome | None = None
        self._fraction = 0.0
        self._measured_at = 0.0
        self._process = spawner.start(
            self.engine,
            self._inspections.hear,
            interpreter=request.entry.interpreter,
            environment=environment_of(request),
        )
        self._perform(self._process.send(first_order(request)))

    @property
    def pid(self) -> int:
        """Process id of the engine process."""
        return self._process.pid

    @property
    def state(self) -> states.State:
        return self._state

    @property
    def is_idle(self) -> bool:
        """Whether it waits for a job, and is alive."""
        self._hear_all()
        return isinstance(self._state, states.Idle) and not self._process.has_died()

    @property
    def idle_since(self) -> float | None:
        """Since when (by the clock) it waits for a job; None when it does not."""
        return self._state.since if isinstance(self._state, states.Idle) else None

    def memory_bytes(self) -> int:
        """Resident memory of the lane's processes."""
        return self._process.memory_bytes()

    def load(self, *, stops: tuple[threading.Event, ...], on_log: OnLog) -> Outcome:
        """Wait for how the load ends that the lane was made for. Any of ``stops`` cancels it."""
        self._on_log = on_log
        outcome = self._followed(stops)
        self._on_log = _nobody
        return outcome

    def run(
        self,
        request: LaneRequest,
        *,
        stops: tuple[threading.Event, ...],
        on_progress: OnProgress,
        on_log: OnLog,
        live: LiveOutput = NOBODY,
    ) -> Outcome:
        """Do one job and wait for how it ends. Any of ``stops`` cancels it.

        Raises:
            NotTaken: it is not the lane's first job, and its process does not take it.
        """
        self._request, self._outcome, self._fraction = request, None, 0.0
        self._on_progress, self._on_log = on_progress, on_log
        self._live = PassingOn(live, request)
        self._inspections.expect(request.job_id, live.inspection)
        if not isinstance(self._state, states.Loading):
            self._feed(states.Begin(self._clock(), request.job_id))
            if not isinstance(self._state, states.Running):
                self._request, self._on_progress, self._on_log = None, _nobody, _nobody
                raise NotTaken
        outcome = self._followed(stops)
        self._request = None
        self._on_progress = self._on_log = _nobody
        self.jobs_done += 1
        return outcome

    def _followed(self, stops: tuple[threading.Event, ...]) -> Outcome:
        self._measured_at = self._clock()  # a short job is over before there is much to measure
        stop_told = False
        while (outcome := self._reported()) is None:
            if not stop_told and any(stop.is_set() for stop in stops):
                stop_told = True
                self._feed(states.CancelAsked(self._clock()))
            self._hear_one(_POLL_SECONDS)
            self._measure()
        return outcome

    def end(self) -> None:
        """Ask the engine to unload and quit, then end its process by force."""
        self._feed(states.EndAsked(self._clock()))
        while not isinstance(self._state, states.LaneEnded):
            self._hear_one(_POLL_SECONDS)
            self._feed(states.Measured(self._clock(), self._limits()))

    @property
    def ended(self) -> bool:
        """Whether its process is gone."""
        self._hear_all()
        return isinstance(self._state, states.LaneEnded)

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
            case protocol.Ready(pid=pid):
                _log.debug("engine %s runs in process %d", self.engine, pid)
            case protocol.Loaded(seconds=seconds):
                _log.info(
                    "engine %s loaded %s in %.1f s",
                    self.engine,
                    self.model.name,
                    seconds,
                    extra={"engine": self.engine, "model": self.model.name},
                )
                self._feed(states.EngineLoaded(self._clock()))
            case protocol.Advanced() | protocol.Log() | protocol.Emitted() | protocol.Previewed():
                self._feed(states.Sign(self._clock()))
                self._pass_on(heard)
            case protocol.Done():
                self._feed(states.EngineAnswered(self._clock(), heard.job_id, heard))
            case protocol.Failed():
                self._feed(states.EngineAnswered(self._clock(), heard.job_id, faulted(heard)))
            case ChannelClosed(reason=reason, garbage=garbage):
                self._feed(states.Broken(self._clock(), reason, closed=not garbage))
            case ProcessGone(cause=cause):
                self._feed(states.Exited(self._clock(), cause))

    def _pass_on(
        self,
        heard: protocol.Advanced | protocol.Log | protocol.Emitted | protocol.Previewed,
    ) -> None:
        match heard:
            case protocol.Log(level=level, message=line):
                self._on_log(level, without_secrets(line))
            case _ if not self._is_current(heard.job_id):
                pass
            case protocol.Advanced(fraction=fraction, message=message):
                if self._fraction <= fraction <= 1.0:
                    self._fraction = fraction
                    self._on_progress(fraction, without_secrets(message) if message else message)
            case _ if self._live is not None:
                self._live.hear(heard)

    def _reported(self) -> Outcome | None:
        return self._outcome

    def _is_current(self, job_id: str) -> bool:
        return self._request is not None and self._request.job_id == job_id

    def _measure(self) -> None:
        now = self._clock()
        if now - self._measured_at < _MEASURE_SECONDS:
            # Time limits and a lane that is on its way out are looked at more often.
            self._feed(states.Measured(self._clock(), self._limits()))
            return
        self._measured_at = now
        request = self._request
        self._feed(
            states.Measured(
                now,
                self._limits(),
                memory_gb=self._process.memory_bytes() / _GIGABYTE,
                output_mb=size_of(request.directory) / _MEBIBYTE if request else 0.0,
            )
        )

    def _feed(self, event: states.Event) -> None:
        self._state, effects = machine.step(self._state, event)
        for effect in effects:
            self._do(effect)

    def _do(self, effect: states.Effect | states.ReportOutcome) -> None:
        match effect:
            case states.ReportOutcome(outcome=outcome):
                self._outcome = outcome
            case states.Effect.SEND_JOB:
                self._perform(self._send_job())
            case states.Effect.SEND_CANCEL:
                assert self._request is not None
                # Not taken: the process is hung or gone, and force follows anyway.
                self._process.send(protocol.CancelJob(self._request.job_id))
            case states.Effect.SEND_QUIT:
                self._process.send(protocol.Quit())
            case states.Effect.TERMINATE:
                self._process.terminate()
            case states.Effect.KILL:
                self._process.kill()

    def _send_job(self) -> str | None:
        request, live = self._request, self._live
        assert request is not None
        assert live is not None
        return self._process.send(
            protocol.Generate(
                job_id=request.job_id,
                task=request.task,
                inputs=dict(request.inputs),
                directory=request.directory,
                scratch=request.scratch,
                wanted=live.wanted,
                options=request.entry.spec.options if request.entry.spec is not None else "",
            )
        )

    def _perform(self, failure: str | None) -> None:
        """A message that could not be sent breaks the lane."""
        if failure is not None:
            self._feed(states.Broken(self._clock(), failure))


def _nobody(*_: object) -> None:
    """Listens to a lane that has no job."""
