"""Lanes: one engine process each, with at most one model loaded, kept warm between jobs."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from msgspec.structs import replace

from studio_worker_core.config import Limits
from studio_worker_core.engine_setup import PLAIN, EngineSetup
from studio_worker_core.errors import EngineFailed, JobCancelled
from studio_worker_core.host.main_memory import available_bytes
from studio_worker_core.lanes.crash_loop import CrashLoop
from studio_worker_core.lanes.lane import Lane, NotTaken
from studio_worker_core.lanes.lane_status import LaneStatus, status_of
from studio_worker_core.lanes.live import NOBODY, LiveOutput
from studio_worker_core.lanes.outcomes import Faulted, Outcome, error_of
from studio_worker_core.lanes.protocol import Done
from studio_worker_core.lanes.request import (
    LaneKey,
    LaneRequest,
    LoadRequest,
    OnLog,
    OnProgress,
    check_served,
    lane_key,
    with_seed,
)
from studio_worker_core.lanes.results import Result, judged
from studio_worker_core.lanes.spawner import Spawner
from studio_worker_core.lanes.warm_lanes import WarmLanes
from studio_worker_core.roster.roster import RosterEntry
from studio_worker_core.wire.tasks import task_kind

_log = logging.getLogger("studio_worker.lanes.pool")


def _nobody(*_: object) -> None:
    """Listens to a load that nobody asks about."""


class Lanes:
    """All lanes of this worker. Safe to use from any thread; a context manager that ends every
    process.

    A lane stays warm after its job: the same engine and model do not load again in that slot.
    Another model gets a process of its own; other files of the same one replace it. At most
    ``limits.keep_warm`` lanes stay: the least recently used are ended before a new one starts,
    and those of its engine where main memory is too short for the files of both. Lanes of
    a model that is pinned stay beside those, until they are unloaded.

    :param limits: asked again for every measurement, so a changed config takes effect.
    :param keep_warm: counts in place of the one in ``limits``.
    :param setup: what an engine is set to, asked for each job and load: with another one it gets
        another process.
    :param available: free main memory, in bytes.
    :param clock: seconds that never go back.
    """

    def __init__(
        self,
        limits: Callable[[], Limits],
        *,
        keep_warm: int | None = None,
        setup: Callable[[RosterEntry], EngineSetup] = lambda _: PLAIN,
        available: Callable[[], int] = available_bytes,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limits = limits
        self._setup = setup
        self._keep_warm = keep_warm
        self._available = available
        self._clock = clock
        self._spawner = Spawner()
        self._crashes = CrashLoop(clock, lambda: limits().crash_pause_seconds)
        self._lanes = WarmLanes()
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
        request = with_seed(request, on_log)
        entry = request.entry
        check_served(request, task_kind(request.task))
        request = replace(request, setup=self._setup(entry))
        stops = (cancel, self._closing)
        key = lane_key(request)
        with self._lanes.turn(key, stops) as taken:
            if not taken or any(stop.is_set() for stop in stops):
                raise JobCancelled("cancelled")
            outcome, seconds = self._outcome(key, request, stops, on_progress, on_log, live)
        self._lanes.keep(self._most_warm())
        self._count(entry.engine, outcome)
        if isinstance(outcome, Faulted):
            raise error_of(outcome, entry.engine)
        assert isinstance(outcome, Done)
        most = self._limits().output_mb
        return judged(request, outcome, output_mb=most, seconds=seconds)

    def load(
        self, request: LoadRequest, *, cancel: threading.Event, on_log: OnLog = _nobody
    ) -> None:
        """Have a model loaded in a lane without a job; back once it is, or is not.

        A load or job of the same model that is under way is waited for.

        Raises:
            InvalidTask: the engine does not serve this model, or refused it.
            EngineFailed, JobTimedOut, JobCancelled, EngineMissing: as :meth:`run`.
        """
        check_served(request, *request.entry.kinds)
        request = replace(request, setup=self._setup(request.entry))
        stops = (cancel, self._closing)
        key = lane_key(request)
        with self._lanes.turn(key, stops) as taken:
            if not taken or any(stop.is_set() for stop in stops):
                raise JobCancelled("cancelled")
            if self._lanes.take(key) is not None:
                return
            lane = self._new_lane(key, request)
            try:
                outcome = lane.load(stops=stops, on_log=on_log)
            except BaseException:
                self._lanes.drop(lane)
                raise
            if lane.ended:
                self._lanes.forget(lane)
        self._lanes.keep(self._most_warm())
        if isinstance(outcome, Faulted):
            self._count(key.engine, outcome)
            raise error_of(outcome, key.engine)

    def pin(self, engine: str, model: str) -> None:
        """Keep this model's lanes warm, those to come too, whatever other models' jobs need."""
        self._lanes.pin(engine, model)

    def unpin(self, engine: str, model: str) -> None:
        """Let this model's lanes be ended for others again."""
        self._lanes.unpin(engine, model)

    def pinned(self) -> frozenset[tuple[str, str]]:
        """Engine and model of what is pinned, loaded or not."""
        return self._lanes.pinned()

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
        lane = self._lanes.take(key) or self._new_lane(key, request)
        try:
            outcome = lane.run(
                request, stops=stops, on_progress=on_progress, on_log=on_log, live=live
            )
        except NotTaken:  # it died as it was chosen; a new lane takes its first job
            self._lanes.drop(lane)
            return self._outcome(key, request, stops, on_progress, on_log, live)
        except BaseException:
            # A callback of the host raised: do not leave a job running unseen.
            self._lanes.drop(lane)
            raise
        seconds = self._clock() - started
        if lane.ended:
            self._lanes.forget(lane)
        return outcome, seconds

    def withdrawn(self) -> frozenset[str]:
        """Engines whose lanes crashed repeatedly, for as long as they are kept out."""
        return self._crashes.withdrawn()

    def status(self) -> list[LaneStatus]:
        """Every lane there is, the most recently used last."""
        return [
            status_of(lane, pinned=self._lanes.is_pinned(lane.key)) for lane in self._lanes.all()
        ]

    def warm(self) -> set[tuple[str, str]]:
        """Engine and model of every lane there is; unlike :meth:`status` it measures nothing."""
        return {(key.engine, key.model.name) for key in self._lanes.all_keys()}

    def busy(self) -> set[tuple[str, str]]:
        """Engine and model of every lane that does not wait for a job; it measures nothing."""
        return {
            (lane.engine, lane.model.name) for lane in self._lanes.all() if lane.idle_since is None
        }

    def unload(
        self, engine: str | None = None, model: str | None = None, *, wait: bool = True
    ) -> None:
        """End the warm lanes of an engine, of one of its models, or all of them; their memory is
        returned. Waits for a job that runs there, or leaves it alone."""
        for key in self._lanes.all_keys():
            if engine in (None, key.engine) and model in (None, key.model.name):
                self._lanes.end(key, wait=wait)

    def unload_idle(self, seconds: float) -> list[tuple[str, str]]:
        """End the transient lanes that had no job for so many seconds; engine and model of each.
        A lane that works is not idle, however long it does."""
        ended = self._lanes.end_idle(self._clock() - seconds)
        return [(key.engine, key.model.name) for key in ended]

    def tidy(self) -> None:
        """Strike off lanes whose process ended while it waited for a job."""
        self._lanes.tidy()

    def close(self) -> None:
        """End everything: running jobs are cancelled, processes ended within 2 s."""
        self._closing.set()
        self.unload()
        self._spawner.close()

    def _new_lane(self, key: LaneKey, request: LoadRequest) -> Lane:
        """A lane of its own, with room made for it. The caller has the lane's turn."""
        self._make_room(key)
        most_mb = request.setup.place.memory_mb

        def limits() -> Limits:
            now = self._limits()
            return now if most_mb is None else replace(now, memory_gb=most_mb / 1024)

        try:
            lane = Lane(key, request, self._spawner, limits, clock=self._clock)
        except OSError as error:
            raise EngineFailed(f"no process can be started for '{key.engine}': {error}") from error
        self._lanes.add(lane)
        return lane

    def _make_room(self, new: LaneKey) -> None:
        """End what a new lane replaces, and what it must not be warm beside."""
        for key in self._lanes.all_keys():
            if new.outdates(key):
                self._lanes.end(key)
        own = 0 if self._lanes.is_pinned(new) else 1
        self._lanes.keep(max(self._most_warm(), own) - own)
        for key in self._lanes.transient():
            if key.engine == new.engine and self._available() < new.model.file_bytes:
                self._lanes.end(key)

    def _most_warm(self) -> int:
        return self._limits().keep_warm if self._keep_warm is None else self._keep_warm

    def _count(self, engine: str, outcome: Outcome) -> None:
        if not isinstance(outcome, Faulted) or outcome.fault == "invalid":
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
