"""Where the result of a job is kept: the outbox for a studio's, a directory for others."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TypeVar

from msgspec import Struct

from studio_worker_core.jobs.job import Job
from studio_worker_core.jobs.leases import Lease
from studio_worker_core.lanes.results import Result
from studio_worker_core.outbox import Draft, Entry, Outbox, task_digest
from studio_worker_core.wire.tasks import full_prompt

KeptT = TypeVar("KeptT", covariant=True)


class Workplace(Struct, frozen=True):
    """Where an engine writes."""

    directory: Path
    """The result goes here."""
    scratch: Path
    """For inputs and temporary files."""


class Keeper(Protocol[KeptT]):
    """Keeps the result of one job. Raises OSError or OutboxError where a disk fails it."""

    def found(self, job: Job) -> KeptT | None:
        """The result, if it was made before and is still there."""

    def begin(self, job: Job) -> Workplace:
        """A place for the engine to write to."""

    def keep(self, result: Result, mime: str | None) -> KeptT:
        """Take the result over; ``mime`` is the type an engine declared for its extension."""

    def discard(self) -> None:
        """The job has failed: what it wrote is of no use."""


class DirectoryKeeper(Keeper[Result]):
    """Leaves the result in a directory that the caller owns and removes."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def found(self, job: Job) -> Result | None:
        """See :class:`Keeper`."""
        return None

    def begin(self, job: Job) -> Workplace:
        """See :class:`Keeper`."""
        scratch = self._directory / "scratch"
        scratch.mkdir(mode=0o700)
        return Workplace(self._directory, scratch)

    def keep(self, result: Result, mime: str | None) -> Result:
        """See :class:`Keeper`."""
        return result

    def discard(self) -> None:
        """See :class:`Keeper`."""


class TellingKeeper(Keeper[KeptT]):
    """Tells of the result before ``inner`` takes it over."""

    def __init__(self, inner: Keeper[KeptT], tell: Callable[[Result], None]) -> None:
        self._inner = inner
        self._tell = tell

    def found(self, job: Job) -> KeptT | None:
        """See :class:`Keeper`."""
        return self._inner.found(job)

    def begin(self, job: Job) -> Workplace:
        """See :class:`Keeper`."""
        return self._inner.begin(job)

    def keep(self, result: Result, mime: str | None) -> KeptT:
        """See :class:`Keeper`."""
        self._tell(result)
        return self._inner.keep(result, mime)

    def discard(self) -> None:
        """See :class:`Keeper`."""
        self._inner.discard()


class OutboxKeeper(Keeper[Entry]):
    """Keeps the result until the studio has it.

    :param worker_id: asked when the work begins: the identity it is done under.
    :param lease: asked then, too: the session the job belongs to.
    """

    def __init__(
        self,
        outbox: Outbox,
        worker_id: Callable[[], str],
        lease: Callable[[], Lease | None],
    ) -> None:
        self._outbox = outbox
        self._worker_id = worker_id
        self._lease = lease
        self._draft: Draft | None = None

    def found(self, job: Job) -> Entry | None:
        """A result of the same task that the studio, having lost sight of us, offers again."""
        old = self._outbox.find(job.job_id)
        if old is None:
            return None
        was = (old.manifest.worker, old.manifest.kind, old.manifest.model, old.manifest.engine)
        now = (self._worker_id(), job.kind, job.model, job.engine)
        if was != now or old.manifest.prompt != full_prompt(job.task):
            return None
        if old.manifest.task not in (None, task_digest(job)):
            return None  # the same words, but another seed, input, size or model file
        return self._outbox.adopt(old, self._session_number())

    def begin(self, job: Job) -> Workplace:
        """See :class:`Keeper`."""
        self._draft = self._outbox.begin(job, self._worker_id(), self._session_number())
        return Workplace(self._draft.directory, self._draft.scratch)

    def keep(self, result: Result, mime: str | None) -> Entry:
        """The result, which the end of this process does not touch any more; whoever delivers
        it sees that it outlives a power cut, too, if it has to wait. How it was made goes with
        it where the studio wants to know (protocol §3.1, ``meta``)."""
        lease = self._lease()
        meta = result.meta if lease is not None and lease.wants_meta else None
        draft = self._begun()
        return self._outbox.finish(draft, result.path, mime=mime, meta=meta, synced=False)

    def discard(self) -> None:
        """See :class:`Keeper`."""
        self._outbox.discard(self._begun())

    def _begun(self) -> Draft:
        if self._draft is None:
            raise RuntimeError("the work has not begun")
        return self._draft

    def _session_number(self) -> int | None:
        lease = self._lease()
        return lease.session if lease is not None else None
