"""Lanes: one engine process each, with at most one model loaded, kept warm between jobs."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from studio_worker_core.config import Limits
from studio_worker_core.errors import EngineFailed, EngineMissing, InvalidTask, JobCancelled
from studio_worker_core.host.main_memory import available_bytes
from studio_worker_core.lanes.crash_loop import CrashLoop
from studio_worker_core.lanes.lane import Lane, NotTaken
from studio_worker_core.lanes.live import NOBODY, LiveOutput
from studio_worker_core.lanes.outcomes import Outcome, error_of
from studio_worker_core.lanes.protocol import Done
from studio_worker_core.lanes.request import LaneKey, LaneRequest, OnLog, OnProgress, lane_key
from studio_worker_core.lanes.results import Result, judged
from studio_worker_core.lanes.spawner import Spawner
from studio_worker_core.lanes.turns import KeyTurns
from studio_worker_core.seeds import seed_of, seeded
from studio_worker_core.wire.tasks import task_kind

_log = logging.getLogger("studio_worker.lanes.pool")


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
    """All lanes of this worker. Safe to use from any thread; a context manager that ends every
    process.

    A lane stays warm after its job: the same engine and model do not load again in that slot.
    Another model gets a process of its own; other files of the same one replace it. At most
    ``limits.keep_warm`` lanes stay: the least recently used are ended before a new one starts,
    and those of its engine where main memory is too short for the files of both.

    :param limits: asked again for every measurement, so a changed config takes effect.
    :param keep_warm: counts in place of the one in ``limits``.
    :param variables: names of environment variables that an engine gets beside those that
        every engine does (:mod:`.environment`).
    :param available: free main memory, in bytes.
    :param clock: seconds that never go back.
    """

    def __init__(
        self,
        limits: Callable[[], Limits],
        *,
        keep_warm: int | None = None,
        variables: Callable[[str], Sequence[str]] = lambda _: (),
        available: Callable[[], int] = available_bytes,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limits = limits
        self._variables = variables
        self._keep_warm = keep_warm
        self._available = available
        self._clock = clock
        self._spawner = Spawner()
        self._crashes = CrashLoop(clock, lambda: limits().crash_pause_seconds)
        self._lock = threading.Lock()
        self._lanes: dict[LaneKey, Lane] = {}  # in order of use, the latest last
        self._turns = KeyTurns()
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
        live: LiveOutput = NOBODY,
    ) -> Result:
        """Do one job; returns or raises only once the engine has stopped working on it.

        A task that leaves its seed open gets a drawn one, which ``on_log`` is told. ``live``
        hears what the engine makes while it makes it.

        Raises:
            InvalidTask: the engine cannot serve this model or these parameters.
            EngineFailed: it raised, died, or answered something unusable.
            JobTimedOut: it outlasted a limit.
            JobCancelled: ``cancel`` was set, or the lanes were closed.
            EngineMissing: the entry is not ready.
        """
        request = _with_seed(request, on_log)
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
        key = lane_key(request)
        with self._turns.taken(key):
            if any(stop.is_set() for stop in stops):
                raise JobCancelled("cancelled")
            outcome, seconds = self._outcome(key, request, stops, on_progress, on_log, live)
        self._keep(self._most_warm())
        self._book(entry.engine, outcome)
        if isinstance(outcome, Done):
            most = self._limits().output_mb
            return judged(request, outcome, output_mb=most, seconds=seconds)
        raise error_of(outcome, entry.engine)

    def _outcome(
        self,
        key: LaneKey,
        request: LaneRequest,
        stops: tuple[threading.Event, ...],
        on_progress: OnProgress,
        on_log: OnLog,
        live: LiveOutput,
    ) -> tuple[Outcome, float]:
        """How the job ended, and the seconds it took. The caller has the lane's turn."""
        started = self._clock()
        lane = self._lane_for(key, request)
        try:
            outcome = lane.run(
                request, stops=stops, on_progress=on_progress, on_log=on_log, live=live
            )
        except NotTaken:  # it died as it was chosen; a new lane takes its first job
            self._drop(lane)
            return self._outcome(key, request, stops, on_progress, on_log, live)
        except BaseException:
            # A callback of the host raised: do not leave a job running unseen.
            self._drop(lane)
            raise
        seconds = self._clock() - started
        if lane.ended:
            self._forget(lane)
        return outcome, seconds

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

    def warm(self) -> set[tuple[str, str]]:
        """Engine and model of every lane there is; unlike :meth:`status` it measures nothing."""
        with self._lock:
            return {(lane.engine, lane.model.name) for lane in self._lanes.values()}

    def unload(self, engine: str | None = None) -> None:
        """End the warm lanes of an engine, or all of them; their memory is returned. Waits
        for a job that runs there."""
        for key in self._keys():
            if engine in (None, key.engine):
                self._end(key, wait=True)

    def close(self) -> None:
        """End everything: running jobs are cancelled, processes ended within 2 s."""
        self._closing.set()
        self.unload()
        self._spawner.close()

    def _keys(self) -> list[LaneKey]:
        with self._lock:
            return list(self._lanes)

    def _lane_for(self, key: LaneKey, request: LaneRequest) -> Lane:
        """The warm lane if there is one, else a new one. The caller has the lane's turn."""
        with self._lock:
            warm = self._lanes.pop(key, None)
            if warm is not None:
                self._lanes[key] = warm  # now the most recently used
        if warm is not None:
            if warm.is_idle:
                return warm
            self._drop(warm)
        self._make_room(key)
        variables = self._variables(key.engine)
        try:
            lane = Lane(
                key,
                request,
                self._spawner,
                self._limits,
                variables=variables,
                clock=self._clock,
            )
        except OSError as error:
            raise EngineFailed(f"no process can be started for '{key.engine}': {error}") from error
        with self._lock:
            self._lanes[key] = lane
        return lane

    def _make_room(self, new: LaneKey) -> None:
        """End what a new lane replaces, and what it must not be warm beside."""
        for key in self._keys():
            if new.outdates(key):
                self._end(key)
        self._keep(max(self._most_warm(), 1) - 1)
        for key in self._keys():
            if key.engine == new.engine and self._available() < new.model.file_bytes:
                self._end(key)

    def _most_warm(self) -> int:
        return self._limits().keep_warm if self._keep_warm is None else self._keep_warm

    def _keep(self, most: int) -> None:
        """End the least recently used lanes beyond so many; those that work are left alone."""
        keys = self._keys()
        for key in keys[: max(len(keys) - most, 0)]:
            self._end(key)

    def _end(self, key: LaneKey, *, wait: bool = False) -> None:
        with self._turns.taken(key, wait=wait) as taken:
            lane = self._lanes.get(key) if taken else None
            if lane is not None:
                self._drop(lane)

    def _drop(self, lane: Lane) -> None:
        lane.end()
        self._forget(lane)

    def _forget(self, lane: Lane) -> None:
        with self._lock:
            if self._lanes.get(lane.key) is lane:
                del self._lanes[lane.key]

    def _book(self, engine: str, outcome: Outcome) -> None:
        if isinstance(outcome, Done) or outcome.fault == "invalid":
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


def _with_seed(request: LaneRequest, on_log: OnLog) -> LaneRequest:
    task = seeded(request.task)
    if task is request.task:
        return request
    on_log("info", f"seed {seed_of(task)} is drawn")
    return replace(request, task=task)
