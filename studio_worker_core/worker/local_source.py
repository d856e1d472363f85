"""The other source of jobs: programs of this machine, by the local API."""

from __future__ import annotations

import logging
import secrets
import shutil
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import msgspec

from studio_worker_core.downloads.data_url import is_data_url
from studio_worker_core.errors import InvalidTask, JobCancelled, JobError
from studio_worker_core.jobs.job import Job, Source, StopReason
from studio_worker_core.jobs.keeping import DirectoryKeeper
from studio_worker_core.jobs.listener import Failure, JobListener
from studio_worker_core.jobs.service import JobService
from studio_worker_core.jobs.slots import Slots
from studio_worker_core.lanes.live import Preview, Wanted
from studio_worker_core.lanes.request import OnProgress
from studio_worker_core.lanes.results import Result
from studio_worker_core.local_api.errors import Busy
from studio_worker_core.local_api.work import Made, OnEnd, Partial, Served, Work
from studio_worker_core.models.entries import CatalogueEntry
from studio_worker_core.models.inputs import input_urls
from studio_worker_core.roster.roster import Roster
from studio_worker_core.worker.served_models import served_models

_log = logging.getLogger("studio_worker.local_api")

MOST_WAITING = 32
"""Local jobs that may wait for a slot; more are told to come back."""

_LOOK_SECONDS = 0.5


class LocalSource:
    """Takes local jobs, has them wait in order for room, and hands them to the service. A job
    of a model that is kept loaded overtakes those that wait for a slot.

    A step costs the number that wait; :meth:`served` the number of models.

    :param foreign_kind: the kind of a catalogued model that only the original worker can use.
    :param warm: engine and model of every lane.
    """

    def __init__(
        self,
        slots: Slots,
        service: JobService,
        roster: Roster,
        catalogue: Callable[[], Iterable[CatalogueEntry]],
        *,
        foreign_kind: Callable[[str], str | None] = lambda _: None,
        warm: Callable[[], set[tuple[str, str]]] = set,
    ) -> None:
        self._slots = slots
        self._service = service
        self._roster = roster
        self._catalogue = catalogue
        self._foreign_kind = foreign_kind
        self._warm = warm
        self._changed = threading.Condition()
        self._waiting: deque[_Local] = deque()
        self._closed = False
        slots.ring(self._look_again)

    def served(self) -> list[Served]:
        """See :class:`~studio_worker_core.local_api.work.LocalJobs`. Reads the catalogue."""
        return served_models(self._roster.entries, self._catalogue())

    def kinds_of(self, model: str) -> frozenset[str]:
        """See :class:`~studio_worker_core.local_api.work.LocalJobs`. Reads the catalogue."""
        found = {str(each.kind) for each in self.served() if each.id == model}
        found |= {str(each.kind or "") for each in self._catalogue() if each.id == model}
        foreign = self._foreign_kind(model)
        return frozenset(found if foreign is None else found | {foreign})

    def is_loaded(self, model: Served) -> bool:
        """See :class:`~studio_worker_core.local_api.work.LocalJobs`."""
        return (model.source.engine, model.id) in self._warm()

    def start(
        self,
        work: Work,
        ended: OnEnd,
        on_text: Callable[[str], None] | None = None,
        on_preview: Callable[[Partial], None] | None = None,
        on_progress: OnProgress | None = None,
    ) -> Callable[[], None]:
        """See :class:`~studio_worker_core.local_api.work.LocalJobs`.

        Raises:
            Busy: as said there.
            InvalidTask: an input is an address: a local request never has one fetched.
        """
        _check_inline(work)
        job = Job(
            _new_id(),
            Source.LOCAL,
            model=work.model.id,
            vram_gb_estimate=work.model.vram_gb_estimate,
            task=work.task,
            model_source=work.model.source,
            inputs=work.inputs,
        )
        local = _Local(job, ended, self._roster.mime_for, on_text, on_preview, on_progress)
        try:
            self._queue_up(local)
        except Busy:
            local.release()
            raise
        return lambda: self._stop(local)

    def run(self) -> None:
        """Give slots to what waits, until :meth:`close`; the body of a thread."""
        with self._changed:
            while not self._closed:
                if not self._place_one():
                    # A model that comes to be kept loaded rings no bell.
                    self._changed.wait(_LOOK_SECONDS if self._waiting else None)

    def _place_one(self) -> bool:
        """Let the first begin that there is room for; False when there is room for none."""
        permit = self._slots.try_acquire_one(local.job for local in self._waiting)
        if permit is None:
            return False
        local = next(each for each in self._waiting if each.job is permit.job)
        self._waiting.remove(local)
        self._service.submit(permit, DirectoryKeeper(local.directory), local)
        return True

    @property
    def waiting(self) -> int:
        """How many jobs wait for a slot."""
        return len(self._waiting)

    def close(self) -> None:
        """Take nothing more; what waits is told so. Jobs that run are the service's."""
        with self._changed:
            self._closed = True
            left = list(self._waiting)
            self._waiting.clear()
            self._changed.notify()
        for local in left:
            local.give_up(JobCancelled("the worker is stopping"))

    def _queue_up(self, local: _Local) -> None:
        with self._changed:
            if self._closed:
                raise Busy("the worker is stopping")
            if len(self._waiting) >= MOST_WAITING:
                raise Busy
            self._waiting.append(local)
            self._changed.notify()

    def _look_again(self) -> None:
        with self._changed:
            self._changed.notify()

    def _stop(self, local: _Local) -> None:
        with self._changed:
            waits = local in self._waiting
            if waits:
                self._waiting.remove(local)
        if waits:
            local.give_up(JobCancelled("cancelled"))
        else:
            local.job.stop(StopReason.CANCELLED)


class _Local(JobListener[Result]):
    """One local job, and whoever waits for it."""

    def __init__(
        self,
        job: Job,
        ended: OnEnd,
        mime_for: Callable[[str], str],
        on_text: Callable[[str], None] | None,
        on_preview: Callable[[Partial], None] | None,
        on_progress: OnProgress | None,
    ) -> None:
        self.job = job
        self.directory = Path(tempfile.mkdtemp(prefix="studio-worker-local-"))
        self._ended = ended
        self._mime_for = mime_for
        self._on_text = on_text
        self._on_preview = on_preview
        self._on_progress = on_progress
        self._fraction = 0.0

    def wants(self, job: Job) -> Wanted:
        """See :class:`JobListener`."""
        return Wanted(text=self._on_text is not None, previews=self._on_preview is not None)

    def started(self, job: Job) -> None:
        """See :class:`JobListener`."""
        self.progress(job, 0.0, None)

    def progress(self, job: Job, fraction: float, message: str | None) -> None:
        """See :class:`JobListener`."""
        self._fraction = fraction
        if self._on_progress is not None:
            self._on_progress(fraction, message)

    def preview(self, job: Job, picture: Preview) -> None:
        """See :class:`JobListener`."""
        if self._on_preview is not None:
            self._on_preview(Partial(picture, self._fraction))

    def output(self, job: Job, text: str) -> None:
        """See :class:`JobListener`."""
        if self._on_text is not None:
            self._on_text(text)

    def finished(self, job: Job, result: Result) -> None:
        """See :class:`JobListener`."""
        meta: dict[str, Any] = msgspec.to_builtins(result.meta)
        if not result.is_json:
            kind = self._mime_for(result.ext)
            made = Made(job.job_id, result.path, result.ext, kind, None, meta, self.release)
            self._ended(made)
            return
        try:
            answer = msgspec.json.decode(result.path.read_bytes())
        except (OSError, msgspec.DecodeError) as error:
            self.give_up(JobError(f"the answer cannot be read again: {error}"))
            return
        self._ended(Made(job.job_id, answer=answer, meta=meta))
        self.release()

    def failed(self, job: Job, failure: Failure) -> None:
        """See :class:`JobListener`."""
        if failure.stopped is not None:
            self.give_up(JobCancelled(failure.message))
        elif failure.short is not None:
            self.give_up(failure.short)
        else:
            kind = InvalidTask if failure.invalid else JobError
            self.give_up(kind(failure.message))

    def give_up(self, error: JobError) -> None:
        """Nothing comes of it."""
        self._ended(error)
        self.release()

    def release(self) -> None:
        """Remove what it wrote."""
        shutil.rmtree(self.directory, ignore_errors=True)


def _new_id() -> str:
    """An id that no job of another run of the worker has: they stand in one journal."""
    return f"local-{secrets.randbelow(10**10):010d}"


def _check_inline(work: Work) -> None:
    for name, url in input_urls(work.task).items():
        if name not in work.inputs and not is_data_url(url):
            raise InvalidTask(f"{name}: send a data: URL; addresses are not fetched")
