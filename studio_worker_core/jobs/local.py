"""One job on this machine, for somebody who waits for it, without a studio."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from studio_worker_core.config import Limits
from studio_worker_core.engine_setup import PLAIN, EngineSetup
from studio_worker_core.errors import InvalidTask, JobError
from studio_worker_core.jobs.job import Job
from studio_worker_core.jobs.keeping import DirectoryKeeper
from studio_worker_core.jobs.listener import Failure, JobListener
from studio_worker_core.jobs.runner import JobRunner, worker_log
from studio_worker_core.lanes.pool import Lanes
from studio_worker_core.lanes.request import OnLog
from studio_worker_core.lanes.results import Result
from studio_worker_core.media_types import HEAD_BYTES, audio_type, image_type
from studio_worker_core.roster.roster import Roster, RosterEntry
from studio_worker_core.wire.models import ModelSource
from studio_worker_core.wire.tasks import Task, TaskKind


def plain_model(entry: RosterEntry, kind: TaskKind) -> str | None:
    """The model an engine is run with where none is named; None for an engine of any model."""
    advertised = [model for model in entry.models.get(kind, ()) if not model.endswith(":*")]
    # The shortest name is the plain one: "procedural" before "procedural-waves".
    return min(advertised, key=lambda model: (len(model), model), default=None)


def check_input(name: str, path: Path) -> Path:
    """An input file, looked at as the worker looks at those of a studio.

    Raises:
        InvalidTask: it is no image, or no audio for ``input``.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    is_audio = name == "input"
    if (audio_type(head) if is_audio else image_type(head)) is None:
        raise InvalidTask(f"{path} is not {'audio' if is_audio else 'an image'}")
    return path.resolve()


@contextmanager
def done_here(
    job: Job,
    entry: RosterEntry,
    files: Mapping[str, Sequence[Path]],
    *,
    limits: Limits,
    listener: JobListener[Result],
    setup: EngineSetup = PLAIN,
    engine_log: Callable[[Job], OnLog] = worker_log,
) -> Iterator[Result]:
    """Do ``job`` in a lane of its own; its result, whose file is gone afterwards.

    :param files: the model's files, by role.
    :param setup: what the engine is set to.
    :param engine_log: what the engine's lines go to.

    Raises:
        JobError: as :meth:`.Lanes.run`; the listener has heard of it.
    """
    there = _AllThere(files)
    with tempfile.TemporaryDirectory(prefix="studio-worker-") as root:
        listener.accepted(job)
        with Lanes(lambda: limits, keep_warm=0, setup=lambda _: setup) as lanes:
            runner = JobRunner(Roster([entry]), lanes, there, there, engine_log=engine_log)
            listener.started(job)
            try:
                keeper = DirectoryKeeper(Path(root))
                result = runner.do(job, entry, keeper, partial(listener.progress, job))
            except JobError as error:
                listener.failed(job, Failure.of(job, error))
                raise
        listener.finished(job, result)
        yield result


class _AllThere:
    """Model files and inputs that nobody has to fetch."""

    def __init__(self, files: Mapping[str, Sequence[Path]]) -> None:
        self._files = {role: tuple(paths) for role, paths in files.items()}

    def ensure(
        self,
        source: ModelSource,
        model: str,
        *,
        on_progress: Callable[[float, str], None] | None = None,
        cancel: threading.Event | None = None,
    ) -> Mapping[str, tuple[Path, ...]]:
        """See :class:`.Models`."""
        return self._files

    def fetch(
        self,
        task: Task,
        into: Path,
        *,
        given: Collection[str] = (),
        cancel: threading.Event | None = None,
    ) -> Mapping[str, Path]:
        """See :class:`.Inputs`."""
        return {}
