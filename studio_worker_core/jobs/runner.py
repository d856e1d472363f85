"""The stages of one job, and the one error that comes out when a stage fails."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, TypeVar

from msgspec import Struct

from studio_worker_core.errors import (
    InvalidTask,
    JobCancelled,
    JobError,
    ModelStoreError,
    OutboxError,
)
from studio_worker_core.jobs.job import Job
from studio_worker_core.jobs.keeping import Keeper, Workplace
from studio_worker_core.jobs.progress import JobProgress
from studio_worker_core.jobs.routing import route
from studio_worker_core.jobs.slots import ANY_SLOT, Slot
from studio_worker_core.lanes.live import NOBODY, LiveOutput
from studio_worker_core.lanes.request import LaneRequest, OnLog, OnProgress
from studio_worker_core.lanes.results import Result
from studio_worker_core.plugin import Model
from studio_worker_core.roster.chatting import chat_refusal
from studio_worker_core.roster.options import refusal
from studio_worker_core.roster.roster import Roster, RosterEntry
from studio_worker_core.wire.models import ModelSource
from studio_worker_core.wire.tasks import Task

_log = logging.getLogger("studio_worker.jobs")
_LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}
_LONGEST_LINE = 4000

KeptT = TypeVar("KeptT")


class Models(Protocol):
    """What the runner needs of the model store."""

    def ensure(
        self,
        source: ModelSource,
        model: str,
        *,
        on_progress: Callable[[float, str], None] | None = None,
        cancel: threading.Event | None = None,
    ) -> Mapping[str, tuple[Path, ...]]:
        """Role → files of a model."""


class Inputs(Protocol):
    """What the runner needs of the input fetcher."""

    def fetch(
        self,
        task: Task,
        into: Path,
        *,
        given: Collection[str] = (),
        cancel: threading.Event | None = None,
    ) -> Mapping[str, Path]:
        """Name → fetched input, for all that the task names but those that are ``given``; the
        directory ``into`` is made if there are any."""


class JobLanes(Protocol):
    """What the runner needs of the lanes."""

    def run(
        self,
        request: LaneRequest,
        *,
        cancel: threading.Event,
        on_progress: OnProgress,
        on_log: OnLog,
        live: LiveOutput = NOBODY,
    ) -> Result:
        """Do one job on its engine; raises JobError."""


def worker_log(job: Job) -> OnLog:
    """Lines of the engine that does ``job``, into the worker's log."""
    logger = logging.getLogger("studio_worker.engines.output")

    def log(level: str, message: str) -> None:
        extra = {"job_id": job.job_id, "engine": job.engine}
        line = message[:_LONGEST_LINE]
        logger.log(_LEVELS.get(level, 20), "%s: %s", job.engine, line, extra=extra)

    return log


class _Run(Struct, frozen=True):
    """What every stage of one run needs."""

    job: Job
    entry: RosterEntry
    progress: JobProgress
    slot: Slot
    live: LiveOutput


class JobRunner:
    """Takes jobs through their stages. Any number at a time: the slots see to that.

    :param engine_log: what an engine's lines go to.
    """

    def __init__(
        self,
        roster: Roster,
        lanes: JobLanes,
        models: Models,
        inputs: Inputs,
        *,
        engine_log: Callable[[Job], OnLog] = worker_log,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._roster = roster
        self._lanes = lanes
        self._models = models
        self._inputs = inputs
        self._engine_log = engine_log
        self._clock = clock

    def run(
        self,
        job: Job,
        keeper: Keeper[KeptT],
        report: OnProgress,
        slot: Slot = ANY_SLOT,
        live: LiveOutput = NOBODY,
    ) -> KeptT:
        """Do the job in ``slot``; its result is kept when this returns.

        A job whose result is already there (the studio offers it again, having lost sight of
        us) is not done twice: the kept result is returned.

        Raises:
            JobError: whatever went wrong, once; ``retryable`` says whether another try may help.
        """
        with _one_job_error(job):
            kept = keeper.found(job)
            if kept is not None:
                _log.info(
                    "job %s was done before and its result is still here: delivering that",
                    job.job_id,
                    extra={"job_id": job.job_id},
                )
                return kept
            return self.do(job, route(self._roster, job), keeper, report, slot, live)

    def do(
        self,
        job: Job,
        entry: RosterEntry,
        keeper: Keeper[KeptT],
        report: OnProgress,
        slot: Slot = ANY_SLOT,
        live: LiveOutput = NOBODY,
    ) -> KeptT:
        """Do the job on the engine ``entry``, whatever its source; errors come as they are."""
        refused = refusal(entry.options, job.task.options or {}) or chat_refusal(entry, job.task)
        if refused is not None:
            raise InvalidTask(f"engine '{entry.engine}': {refused}")
        place = keeper.begin(job)
        try:
            result = self._result(_Run(job, entry, JobProgress(report), slot, live), place)
            with self._stage(job, "kept the result", logging.DEBUG):
                return keeper.keep(result, self._roster.mime_for(result.ext))
        except BaseException:
            try:
                keeper.discard()
            except (OSError, OutboxError) as error:
                # Recovery removes it at the next start; the job's own error matters more.
                _log.warning("the draft in %s could not be removed: %s", place.directory, error)
            raise

    def _result(self, run: _Run, place: Workplace) -> Result:
        job = run.job
        model = self._model(run)
        inputs = self._fetched(job, place)
        run.progress.engine_starts()
        request = LaneRequest(
            job_id=job.job_id,
            entry=run.entry,
            model=model,
            task=job.task,
            inputs=inputs,
            directory=place.directory,
            scratch=place.scratch,
            slot=run.slot.name,
            environment=run.slot.environment,
        )
        with self._stage(job, f"ran engine {job.engine}"):
            _check(job.cancel)
            return self._lanes.run(
                request,
                cancel=job.cancel,
                on_progress=run.progress.working,
                on_log=self._engine_log(job),
                live=run.live,
            )

    def _model(self, run: _Run) -> Model:
        job = run.job
        source = job.model_source
        files: Mapping[str, tuple[Path, ...]] = {}
        if source.files:
            _check(job.cancel)
            with self._stage(job, f"made model {job.model} ready"):
                files = self._models.ensure(
                    source, job.model, on_progress=run.progress.downloading, cancel=job.cancel
                )
        return Model(name=job.model, files=files, defaults=source.cli_defaults)

    def _fetched(self, job: Job, place: Workplace) -> Mapping[str, Path]:
        _check(job.cancel)
        into = place.scratch / "inputs"
        with self._stage(job, "fetched the inputs", logging.DEBUG):
            given = job.inputs
            fetched = self._inputs.fetch(job.task, into, given=given.keys(), cancel=job.cancel)
        return {**fetched, **given}

    @contextmanager
    def _stage(self, job: Job, done: str, level: int = logging.INFO) -> Iterator[None]:
        started = self._clock()
        yield
        seconds = self._clock() - started
        _log.log(
            level,
            "job %s: %s in %.2f s",
            job.job_id,
            done,
            seconds,
            extra={"job_id": job.job_id, "elapsed_ms": round(seconds * 1000)},
        )


def _check(cancel: threading.Event) -> None:
    if cancel.is_set():
        raise JobCancelled("cancelled")


@contextmanager
def _one_job_error(job: Job) -> Iterator[None]:
    """Whatever a stage raises becomes one JobError that says whether a retry may help."""
    try:
        yield
    except JobError:
        raise
    except Exception as error:
        if job.cancel.is_set():
            raise JobCancelled("cancelled") from error
        match error:
            case ModelStoreError(retryable=False):
                raise InvalidTask(str(error)) from error
            case ModelStoreError() | OutboxError():
                raise JobError(str(error)) from error
            case OSError():
                raise JobError(f"the worker's disk failed the job: {error}") from error
        # Engines, stores and fetchers run plugins' and libraries' code; the studio waits for
        # one answer whatever comes out of it.
        _log.exception("job %s: unexpected error", job.job_id, extra={"job_id": job.job_id})
        raise JobError(f"internal error of the worker: {type(error).__name__}: {error}") from error
