"""What the routes ask of the worker: its models, and one job done. Loads nothing of a server."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from msgspec import Struct

from studio_worker_core.errors import JobError
from studio_worker_core.lanes.live import Preview
from studio_worker_core.lanes.request import OnProgress
from studio_worker_core.roster.options import OptionSpec
from studio_worker_core.wire.models import ModelSource
from studio_worker_core.wire.tasks import Task, TaskKind


class Served(Struct, frozen=True):
    """One model that this machine can run now."""

    id: str
    kind: TaskKind
    source: ModelSource
    extensions: tuple[str, ...] = ()
    """The types its engine writes."""
    origin: str = "engine"
    """Who put it there: ``engine``, or the catalogue's ``local``, ``studio``, ``seed``."""
    vram_gb_estimate: float = 0.0
    """Gigabytes of GPU memory it is said to take."""
    options: tuple[OptionSpec, ...] = ()
    """The parameters that only its engine has."""
    able: frozenset[str] = frozenset()
    """What its engine does in chats beside answering in text: ``tools``, ``logprobs``,
    ``seed``."""


class Work(Struct, frozen=True):
    """One job as a client wants it."""

    model: Served
    task: Task
    inputs: Mapping[str, Path] = {}
    """Files that came with the request, by the names engines know them by."""


class Made(Struct, frozen=True):
    """A finished job: a file, or an answer in JSON."""

    job_id: str
    path: Path | None = None
    ext: str = ""
    media_type: str = "application/json"
    answer: Any = None
    meta: Mapping[str, Any] = {}
    release: Callable[[], None] = lambda: None
    """Gives the file back; to be called once it was sent."""


class Partial(Struct, frozen=True):
    """A picture in the making, and how far its job is, 0 to 1."""

    preview: Preview
    fraction: float


OnEnd = Callable[[Made | JobError], None]


class LocalJobs(Protocol):
    """The worker as the local API sees it."""

    def served(self) -> Sequence[Served]:
        """The models that can be run, the preferred one of each kind first. Reads a file."""

    def kinds_of(self, model: str) -> frozenset[str]:
        """The kinds of work of a model that is known here, whether it can be run or not; some
        are the original worker's alone. Empty for one that is not known. Reads a file."""

    def is_loaded(self, model: Served) -> bool:
        """Whether an engine holds the model now."""

    def start(
        self,
        work: Work,
        ended: OnEnd,
        on_text: Callable[[str], None] | None = None,
        on_preview: Callable[[Partial], None] | None = None,
        on_progress: OnProgress | None = None,
    ) -> Callable[[], None]:
        """Have a job done; ``ended`` is called once, from any thread, whatever becomes of it.
        Before it ``on_text`` hears each piece of an answer as the engine hands it over,
        ``on_preview`` of each picture in the making, and ``on_progress`` how far it is, from
        the moment the work on it begins.
        The call that comes back stops it. Both return at once.

        Raises:
            Busy: too many wait already.
        """
