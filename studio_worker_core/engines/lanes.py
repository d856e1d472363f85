"""Lanes: one engine process each, with at most one model loaded, kept warm between jobs."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from msgspec import Struct

from studio_worker_core.config import Limits
from studio_worker_core.engines.crash_loop import CrashLoop
from studio_worker_core.engines.lane import Lane
from studio_worker_core.engines.outcomes import Completed, Outcome, error_of
from studio_worker_core.engines.results import checked_result
from studio_worker_core.engines.spawner import Spawner
from studio_worker_core.engines.work import (
    FileResult,
    JsonResult,
    LaneRequest,
    OnLog,
    OnProgress,
    Result,
)
from studio_worker_core.errors import EngineFailed, EngineMissing, InvalidTask, JobCancelled
from studio_worker_core.wire.tasks import task_kind

__all__ = ["FileResult", "JsonResult", "LaneRequest", "LaneStatus", "Lanes", "Result"]

_log = logging.getLogger("studio_worker.engines.lanes")


class LaneStatus(Struct, frozen=True):
    """One warm or working lane, for ``status``."""

    engine: str
    model: str
    pid: int
    state: str
    """``loading``, ``running``, ``idle`` or ``ending``."""
    jobs_done: int
    memory_bytes: int


class Lanes:
    """All lanes of this worker, at most one per engine. Safe to use from any thread; a
    context manager that ends every process.

    A lane stays warm after its job: the same engine and model do not load again. Another
    model of the same engine gets a fresh process. At most ``keep_warm`` lanes stay; the
    least recently used is ended first, before a new one starts.

    :param limits: asked again for every measurement, so a changed config takes effect.
    :param clock: seconds that never go back.
    """

    def __init__(
        self,
        limits: Callable[[], Limits],
        *,
        keep_warm: int = 2,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limits = limits
        self._keep_warm = keep_warm
        self._clock = clock
        self._spawner = Spawner()
        self._crashes = CrashLoop(clock, lambda: limits().crash_pause_seconds)
        self._lock = threading.Lock()
        self._lanes: dict[str, Lane] = {}  # in order of use, the latest last
        self._turns: dict[str, threading.Lock] = {}
        self._closing = threading.Event()

    def __enter__(self) -> Lanes:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def run(
        self,
        request: LaneRequest,
        *,
        cancel: threading.Event,
        on_progress: OnProgress,
        on_log: OnLog,
    ) -> Result:
        """Do one job; returns or raises only once the engine has stopped working on it.

        Raises:
            InvalidTask: the engine cannot serve this model or these parameters.
            EngineFailed: it raised, died, or answered something unusable.
            JobTimedOut: it outlasted a limit.
            JobCancelled: ``cancel`` was set, or the lanes were closed.
            EngineMissing: the entry is not ready.
        """
        entry = request.entry
        if not entry.ready:
            raise EngineMissing(f"engine '{entry.engine}' is {entry.state}: {entry.reason}")
        kind = task_kind(request.task)
        if not entry.serves(kind, request.model.name):
            # No fallback: an engine never stands in for a model it does not have.
            raise InvalidTask(
                f"engine '{entry.engine}' does not offer the model '{request.model.name}' "
                f"for tasks of kind {kind.value}"
            )
        stops = (cancel, self._closing)
        with self._turn(entry.engine):
            if any(stop.is_set() for stop in stops):
                raise JobCancelled("cancelled")
            lane = self._lane_for(request)
            try:
                outcome = lane.run(request, stops=stops, on_progress=on_progress, on_log=on_log)
            except BaseException:
                # A callback of the host raised: do not leave a job running unseen.
                self._drop(lane)
                raise
            if lane.ended:
                self._forget(lane)
            elif self._keep_warm < 1:
                self._drop(lane)
        self._book(entry.engine, outcome)
        if isinstance(outcome, Completed):
            return checked_result(request, outcome, output_mb=self._limits().output_mb)
        raise error_of(outcome, entry.engine)

    def withdrawn(self) -> frozenset[str]:
        """Engines whose lanes crashed repeatedly, for as long as they are kept out."""
        return self._crashes.withdrawn()

    def status(self) -> list[LaneStatus]:
        """Every lane there is, the most recently used last."""
        with self._lock:
            lanes = list(self._lanes.values())
        return [
            LaneStatus(
                engine=lane.engine,
                model=lane.model.name,
                pid=lane.pid,
                state=type(lane.state).__name__.lower(),
                jobs_done=lane.jobs_done,
                memory_bytes=lane.memory_bytes(),
            )
            for lane in lanes
        ]

    def unload(self, engine: str | None = None) -> None:
        """End the warm lane of an engine, or all of them; their memory is returned. Waits
        for a job that runs there."""
        with self._lock:
            names = [engine] if engine is not None else list(self._lanes)
        for name in names:
            with self._turn(name):
                lane = self._lanes.get(name)
                if lane is not None:
                    self._drop(lane)

    def close(self) -> None:
        """End everything: running jobs are cancelled, processes ended within 2 s."""
        self._closing.set()
        self.unload()
        self._spawner.close()

    def _turn(self, engine: str) -> threading.Lock:
        with self._lock:
            return self._turns.setdefault(engine, threading.Lock())

    def _lane_for(self, request: LaneRequest) -> Lane:
        """The warm lane if it fits, else a new one. The caller has the engine's turn."""
        engine = request.entry.engine
        with self._lock:
            warm = self._lanes.pop(engine, None)
            if warm is not None:
                self._lanes[engine] = warm  # now the most recently used
        if warm is not None:
            if warm.serves(request):
                return warm
            self._drop(warm)
        self._make_room()
        try:
            lane = Lane(request, self._spawner, self._limits, clock=self._clock)
        except OSError as error:
            raise EngineFailed(f"no process can be started for '{engine}': {error}") from error
        with self._lock:
            self._lanes[engine] = lane
        return lane

    def _make_room(self) -> None:
        """End the least recently used lanes; one that works is left alone."""
        with self._lock:
            spare = len(self._lanes) + 1 - max(self._keep_warm, 1)
            oldest = list(self._lanes)[: max(spare, 0)]
        for engine in oldest:
            turn = self._turn(engine)
            if turn.acquire(blocking=False):
                try:
                    lane = self._lanes.get(engine)
                    if lane is not None:
                        self._drop(lane)
                finally:
                    turn.release()

    def _drop(self, lane: Lane) -> None:
        lane.end()
        self._forget(lane)

    def _forget(self, lane: Lane) -> None:
        with self._lock:
            if self._lanes.get(lane.engine) is lane:
                del self._lanes[lane.engine]

    def _book(self, engine: str, outcome: Outcome) -> None:
        if isinstance(outcome, Completed) or outcome.fault == "invalid":
            self._crashes.finished(engine)
        elif outcome.crash:
            pause = self._crashes.crashed(engine)
            if pause is not None:
                _log.warning(
                    "engine %s crashed repeatedly; it is not offered for %.0f s",
                    engine,
                    pause,
                    extra={"engine": engine},
                )
