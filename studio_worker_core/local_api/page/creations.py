"""Jobs that were started from the page: what they are at, and what they made, for as long as
somebody may look at it."""

from __future__ import annotations

import contextlib
import secrets
import shutil
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import mkdtemp
from typing import Literal

from msgspec import Struct

from studio_worker_core.errors import JobCancelled, JobError
from studio_worker_core.lanes.live import Preview
from studio_worker_core.local_api.work import LocalJobs, Made, Partial, Served, Work
from studio_worker_core.wire.tasks import Task, TaskKind

MOST = 40
"""So many are kept; beyond it the oldest that are over go."""
MOST_BYTES = 1 << 30
"""What the kept results may take together."""
_MOST_TEXT = 1_000_000

State = Literal["waiting", "running", "done", "failed", "cancelled"]


class Upload(Struct, frozen=True):
    """A file that goes with a job: where it lies, and what the person calls it."""

    path: Path
    name: str


class Creation(Struct):
    """One of them. Written by :class:`Creations` alone."""

    id: str
    model: Served
    task: Task
    values: Mapping[str, str]
    """What was typed."""
    inputs: Mapping[str, Upload]
    started: float
    state: State = "waiting"
    fraction: float = 0.0
    stage: str = ""
    text: str = ""
    preview: Preview | None = None
    previews: int = 0
    made: Made | None = None
    error: str = ""
    ended: float | None = None
    stop: Callable[[], None] = lambda: None
    directory: Path | None = None

    @property
    def kind(self) -> TaskKind:
        """The kind of work."""
        return self.model.kind

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come."""
        return self.state in ("done", "failed", "cancelled")

    @property
    def size(self) -> int:
        """Bytes of the result."""
        path = self.made.path if self.made is not None else None
        with contextlib.suppress(OSError):
            return path.stat().st_size if path is not None else 0
        return 0


class Creations:
    """Starts jobs for the page and remembers them. Safe to use from any thread; a look costs
    the number of those that are kept, which is bounded.

    :param changed: told of the id of each one that changed.
    """

    def __init__(
        self,
        jobs: LocalJobs,
        changed: Callable[[str], None],
        now: Callable[[], float] = time.time,
    ) -> None:
        self._jobs = jobs
        self._changed = changed
        self._now = now
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, Creation] = OrderedDict()
        self._once: OrderedDict[str, str] = OrderedDict()
        self._closed = False

    def start(
        self,
        model: Served,
        task: Task,
        values: Mapping[str, str],
        inputs: Mapping[str, Upload],
        once: str = "",
    ) -> Creation:
        """Have a job done. The inputs are copied. A form that is sent twice (``once``) starts
        one job.

        Raises:
            Busy: too many wait already.
            InvalidTask: an input cannot be what it is to be.
            OSError: the disk cannot take the inputs.
        """
        with self._lock:
            earlier = self._kept.get(self._once.get(once, "")) if once else None
            if earlier is not None:
                return earlier
            made = Creation(secrets.token_hex(8), model, task, values, {}, self._now())
            self._kept[made.id] = made
            if once:
                self._once[once] = made.id
                while len(self._once) > 2 * MOST:
                    self._once.popitem(last=False)
        try:
            made.inputs = _copied(made, inputs)
            paths = {name: each.path for name, each in made.inputs.items()}
            made.stop = self._jobs.start(
                Work(model, task, paths),
                lambda outcome: self._ended(made, outcome),
                lambda text: self._text(made, text),
                lambda partial: self._preview(made, partial),
                lambda fraction, stage: self._progress(made, fraction, stage),
            )
        except BaseException:
            with self._lock:
                self._kept.pop(made.id, None)
            _removed(made)
            raise
        self._trim()
        return made

    def find(self, name: str) -> Creation | None:
        """The one of that id, while it is kept."""
        with self._lock:
            return self._kept.get(name)

    def recent(self) -> list[Creation]:
        """All of them, the newest first."""
        with self._lock:
            return list(reversed(self._kept.values()))

    def close(self) -> None:
        """Stop what runs, and remove everything."""
        with self._lock:
            self._closed = True
            left = list(self._kept.values())
            self._kept.clear()
        for each in left:
            if not each.is_over:
                each.stop()
            _removed(each)

    def _progress(self, made: Creation, fraction: float, stage: str | None) -> None:
        made.state = "running" if made.state == "waiting" else made.state
        made.fraction = max(made.fraction, min(fraction, 1.0))
        made.stage = stage or made.stage
        self._changed(made.id)

    def _text(self, made: Creation, text: str) -> None:
        made.state = "running"
        made.text = (made.text + text)[:_MOST_TEXT]
        self._changed(made.id)

    def _preview(self, made: Creation, partial: Partial) -> None:
        made.state = "running"
        made.preview = partial.preview
        made.previews += 1
        self._changed(made.id)

    def _ended(self, made: Creation, outcome: Made | JobError) -> None:
        made.ended = self._now()
        made.preview = None
        with self._lock:
            is_wanted = not self._closed and made.id in self._kept
        match outcome:
            case Made():
                made.made = outcome
                made.state = "done"
                if not is_wanted:
                    outcome.release()
            case JobCancelled():
                made.state = "cancelled"
            case _:
                made.error = str(outcome)
                made.state = "failed"
        self._trim()
        self._changed(made.id)

    def _trim(self) -> None:
        with self._lock:
            size = sum(each.size for each in self._kept.values())
            gone = []
            for name, each in list(self._kept.items())[:-1]:
                if len(self._kept) <= MOST and size <= MOST_BYTES:
                    break
                if each.is_over:
                    size -= each.size
                    gone.append(self._kept.pop(name))
        for each in gone:
            _removed(each)


def _copied(made: Creation, inputs: Mapping[str, Upload]) -> Mapping[str, Upload]:
    if not inputs:
        return {}
    made.directory = Path(mkdtemp(prefix="studio-worker-page-"))
    copies = {}
    for name, upload in inputs.items():
        path = made.directory / f"{name}{upload.path.suffix}"
        shutil.copyfile(upload.path, path)
        copies[name] = Upload(path, upload.name)
    return copies


def _removed(made: Creation) -> None:
    if made.made is not None:
        made.made.release()
    if made.directory is not None:
        shutil.rmtree(made.directory, ignore_errors=True)
