"""The stages of one job, and the one error that comes out when a stage fails."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from msgspec import Struct

from studio_worker_core.engines.roster import Roster, RosterEntry
from studio_worker_core.engines.work import FileResult, LaneRequest, OnLog, OnProgress, Result
from studio_worker_core.errors import (
    EngineFailed,
    InvalidTask,
    JobCancelled,
    JobError,
    ModelStoreError,
    OutboxError,
)
from studio_worker_core.jobs.progress import JobProgress, Report
from studio_worker_core.jobs.routing import route
from studio_worker_core.outbox import Draft, Entry, Outbox
from studio_worker_core.plugin import Model
from studio_worker_core.wire.frames import Claim
from studio_worker_core.wire.models import ModelSource
from studio_worker_core.wire.tasks import BINARY_KINDS, Task, full_prompt, task_kind

__all__ = ["Inputs", "JobRunner", "Models", "Report", "Work"]

_log = logging.getLogger("studio_worker.jobs")
_LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}
_LONGEST_LINE = 4000


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
        self, task: Task, into: Path, *, cancel: threading.Event | None = None
    ) -> Mapping[str, Path]:
        """Name → fetched input."""


class Work(Protocol):
    """What the runner needs of the lanes."""

    def run(
        self,
        request: LaneRequest,
        *,
        cancel: threading.Event,
        on_progress: OnProgress,
        on_log: OnLog,
    ) -> Result:
        """Do one job on its engine; raises JobError."""


class _Run(Struct, frozen=True):
    """What every stage of one run needs."""

    claim: Claim
    cancel: threading.Event
    progress: JobProgress


class JobRunner:
    """Takes accepted claims through their stages. One at a time: the gate sees to that."""

    def __init__(
        self,
        roster: Roster,
        lanes: Work,
        models: Models,
        inputs: Inputs,
        outbox: Outbox,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._roster = roster
        self._lanes = lanes
        self._models = models
        self._inputs = inputs
        self._outbox = outbox
        self._clock = clock

    def run(
        self,
        claim: Claim,
        *,
        worker_id: str,
        session_number: int | None,
        cancel: threading.Event,
        report: Report,
    ) -> Entry:
        """Do the job; its result is on stable storage in the outbox when this returns.

        A job whose result is already there (the studio offers it again, having lost sight of
        us) is not done twice: the kept result is returned.

        Raises:
            JobError: whatever went wrong, once; ``retryable`` is what ``fail`` should say.
        """
        with _one_job_error(claim.job_id, cancel):
            kept = self._kept(claim, worker_id, session_number)
            if kept is not None:
                return kept
            entry = route(self._roster, claim)
            draft = self._outbox.begin(claim, worker_id, session_number)
            try:
                run = _Run(claim, cancel, JobProgress(report))
                result = self._result(run, entry, draft)
                with self._stage(claim, "kept the result"):
                    return self._outbox.finish(draft, result, mime=self._mime(result))
            except BaseException:
                self._discard(draft)
                raise

    def _kept(self, claim: Claim, worker_id: str, session_number: int | None) -> Entry | None:
        old = self._outbox.find(claim.job_id)
        if old is None:
            return None
        was = (old.manifest.worker, old.manifest.kind, old.manifest.model, old.manifest.engine)
        now = (worker_id, task_kind(claim.task), claim.model, claim.model_source.engine)
        if was != now or old.manifest.prompt != full_prompt(claim.task):
            return None
        _log.info(
            "job %s was done before and its result is still here: delivering that",
            claim.job_id,
            extra={"job_id": claim.job_id},
        )
        return self._outbox.adopt(old, session_number)

    def _result(self, run: _Run, entry: RosterEntry, draft: Draft) -> Result:
        claim = run.claim
        model = self._model(run)
        inputs = self._fetched(run, draft)
        run.progress.engine_starts()
        request = LaneRequest(
            job_id=claim.job_id,
            entry=entry,
            model=model,
            task=claim.task,
            inputs=inputs,
            directory=draft.directory,
            scratch=draft.scratch,
        )
        with self._stage(claim, f"ran engine {entry.engine}"):
            _check(run.cancel)
            result = self._lanes.run(
                request,
                cancel=run.cancel,
                on_progress=run.progress.working,
                on_log=_engine_log(claim.job_id, entry.engine),
            )
        is_file = isinstance(result, FileResult)
        if is_file != (draft.kind in BINARY_KINDS):
            raise EngineFailed(
                f"engine '{entry.engine}' answered the {draft.kind} job with "
                f"{'a file' if is_file else 'a JSON value'}"
            )
        return result

    def _model(self, run: _Run) -> Model:
        claim = run.claim
        source = claim.model_source
        files: Mapping[str, tuple[Path, ...]] = {}
        if source.files:
            _check(run.cancel)
            with self._stage(claim, f"made model {claim.model} ready"):
                files = self._models.ensure(
                    source, claim.model, on_progress=run.progress.downloading, cancel=run.cancel
                )
        return Model(name=claim.model, files=files, defaults=source.cli_defaults)

    def _fetched(self, run: _Run, draft: Draft) -> Mapping[str, Path]:
        _check(run.cancel)
        into = draft.scratch / "inputs"
        into.mkdir(mode=0o700)
        with self._stage(run.claim, "fetched the inputs", logging.DEBUG):
            return self._inputs.fetch(run.claim.task, into, cancel=run.cancel)

    def _mime(self, result: Result) -> str | None:
        return self._roster.mime_for(result.ext) if isinstance(result, FileResult) else None

    def _discard(self, draft: Draft) -> None:
        try:
            self._outbox.discard(draft)
        except (OSError, OutboxError) as error:
            # Recovery removes it at the next start; the job's own error matters more.
            _log.warning("the draft in %s could not be removed: %s", draft.directory, error)

    @contextmanager
    def _stage(self, claim: Claim, done: str, level: int = logging.INFO) -> Iterator[None]:
        started = self._clock()
        yield
        seconds = self._clock() - started
        _log.log(
            level,
            "job %s: %s in %.2f s",
            claim.job_id,
            done,
            seconds,
            extra={"job_id": claim.job_id, "elapsed_ms": round(seconds * 1000)},
        )


def _check(cancel: threading.Event) -> None:
    if cancel.is_set():
        raise JobCancelled("cancelled")


@contextmanager
def _one_job_error(job_id: str, cancel: threading.Event) -> Iterator[None]:
    """Whatever a stage raises becomes one JobError that says whether a retry may help."""
    try:
        yield
    except JobError:
        raise
    except Exception as error:
        if cancel.is_set():
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
        _log.exception("job %s: unexpected error", job_id, extra={"job_id": job_id})
        raise JobError(f"internal error of the worker: {type(error).__name__}: {error}") from error


def _engine_log(job_id: str, engine: str) -> OnLog:
    logger = logging.getLogger("studio_worker.engines.output")

    def log(level: str, message: str) -> None:
        extra = {"job_id": job_id, "engine": engine}
        logger.log(_LEVELS.get(level, 20), "%s: %s", engine, message[:_LONGEST_LINE], extra=extra)

    return log
