"""What the one who asked for a job hears of it."""

from __future__ import annotations

from typing import Protocol, TypeVar

from msgspec import Struct

from studio_worker_core.errors import InsufficientMemory, InvalidTask, JobCancelled, JobError
from studio_worker_core.jobs.job import Job, StopReason
from studio_worker_core.lanes.live import NOTHING, Inspection, Preview, Wanted
from studio_worker_core.lanes.results import Result

ResultT = TypeVar("ResultT", contravariant=True)


class Failure(Struct, frozen=True):
    """How a job failed, or why it was stopped."""

    message: str
    retryable: bool
    stopped: StopReason | None = None
    """Why it ended before its time, if somebody stopped it: then it is no failure."""
    invalid: bool = False
    """Whether the task itself is at fault: whoever asked can mend it."""
    short: InsufficientMemory | None = None
    """The memory that is short, if that is why."""

    @classmethod
    def of(cls, job: Job, error: JobError) -> Failure:
        """What ``error`` means for ``job``."""
        reason = job.stop_reason if isinstance(error, JobCancelled) else None
        if reason is None:
            short = error if isinstance(error, InsufficientMemory) else None
            invalid = isinstance(error, InvalidTask)
            return cls(str(error), error.retryable, invalid=invalid, short=short)
        return cls(reason.value, reason is not StopReason.CANCELLED, reason)


class JobListener(Protocol[ResultT]):
    """Told of one job, in this order: accepted, started, any number of progress, output and
    preview, made where there is a result, then exactly one of finished and failed. Calls return
    soon: the job waits for them.

    ``accepted`` comes on the thread that submits, ``inspected`` on one of the engine's process,
    the others on threads of the job. A class that inherits from this one need not implement what
    it has no use for.
    """

    def accepted(self, job: Job) -> None:
        """It has a slot and will be done."""
        return

    def started(self, job: Job) -> None:
        """The work on it begins."""
        return

    def progress(self, job: Job, fraction: float, message: str | None) -> None:
        """How far it is, 0 to 1 and never backwards, and a few words."""
        return

    def wants(self, job: Job) -> Wanted:
        """Which of output, preview and inspected it is to be told; asked once, when the work
        begins."""
        return NOTHING

    def output(self, job: Job, text: str) -> None:
        """The next piece of an answer, as soon as the engine has it: all of them in order are
        the text of the result. An engine may hand over none."""
        return

    def preview(self, job: Job, picture: Preview) -> None:
        """A picture in the making."""
        return

    def made(self, job: Job, result: Result) -> None:
        """The engine's result, judged, before its keeper takes it: its file may be elsewhere
        afterwards. It is not made when an earlier try's is still there."""
        return

    def inspected(self, job: Job, inspection: Inspection) -> None:
        """What the engine's process found in the result: soon after ``made``, at any moment
        between the other calls or after them, or never."""
        return

    def finished(self, job: Job, result: ResultT) -> None:
        """It is done and its slot is free; ``result`` is as its keeper keeps it."""
        return

    def failed(self, job: Job, failure: Failure) -> None:
        """It is not done, and its slot is free."""
        return
