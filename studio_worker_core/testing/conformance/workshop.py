"""Where the kit does its jobs: real lanes, real files, one engine."""

from __future__ import annotations

import contextlib
import itertools
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec
from msgspec import Struct

from studio_worker_core.config import Limits
from studio_worker_core.errors import JobError
from studio_worker_core.lanes.lane_status import LaneStatus
from studio_worker_core.lanes.live import NOBODY, LiveOutput
from studio_worker_core.lanes.pool import Lanes
from studio_worker_core.lanes.request import LaneRequest
from studio_worker_core.lanes.results import Result
from studio_worker_core.plugin import Model
from studio_worker_core.testing.conformance.decoding import Facts, Undecodable, decode
from studio_worker_core.testing.conformance.samples import small_task, write_tone
from studio_worker_core.testing.conformance.subject import Subject
from studio_worker_core.testing.conformance.verdicts import NotChecked, NotMet
from studio_worker_core.wire.generation import GenerationMeta
from studio_worker_core.wire.tasks import BINARY_KINDS, Task, TaskKind, task_kind

_LIMITS = Limits(load_seconds=600.0, idle_seconds=120.0, total_seconds=300.0)
_TONE_SECONDS = 2.0


class TrialJob(Struct, frozen=True):
    """How one job went."""

    seconds: float
    scratch: Path
    result: Result | None = None
    error: JobError | None = None
    progress: tuple[float, ...] = ()
    warnings: tuple[str, ...] = ()
    """What it logged as warnings."""


class Product(Struct, frozen=True):
    """What a job that went well made."""

    ext: str = ""
    path: Path | None = None
    facts: Facts = Facts("none")
    answer: Mapping[str, Any] = {}
    meta: GenerationMeta = GenerationMeta()
    warnings: tuple[str, ...] = ()

    def read(self) -> bytes:
        """Its bytes; a JSON answer with its keys in order."""
        if self.path is None:
            return msgspec.json.encode(self.answer, order="deterministic")
        return self.path.read_bytes()


class Workshop:
    """Does jobs of one engine in lanes of its own. A context manager: no process is left.

    :param root: an empty directory.
    """

    def __init__(self, subject: Subject, root: Path) -> None:
        self.subject = subject
        self._setup = subject.setup
        self.lanes = Lanes(lambda: _LIMITS, keep_warm=1, setup=lambda _: self._setup)
        self._root = root
        self._numbers = itertools.count()
        self._products: dict[tuple[str, bytes], Product] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.lanes.close()

    @contextlib.contextmanager
    def set_to(self, name: str, value: Any) -> Iterator[None]:
        """Meanwhile the engine is set otherwise: its jobs have another process."""
        before = self._setup
        settings = {**before.settings, name: value}
        self._setup = msgspec.structs.replace(before, settings=settings)
        try:
            yield
        finally:
            self._setup = before

    def model(self, kind: TaskKind) -> Model:
        """The model to try a kind with. Raises :class:`NotChecked` when there is none."""
        for model in self.subject.models(kind):
            return model
        raise NotChecked(
            f"the engine serves any {kind.value} model that its source describes; name one with "
            "--model-source FILE.json"
        )

    def task(self, kind: TaskKind) -> Task:
        """A task that is done soon."""
        return small_task(kind, self.subject.parameters)

    def do(
        self,
        task: Task,
        *,
        model: Model | None = None,
        factory: str | None = None,
        audio: bytes | None = None,
        cancel: threading.Event | None = None,
        on_progress: Callable[[float], None] | None = None,
        live: LiveOutput = NOBODY,
    ) -> TrialJob:
        """Do one job, well or not.

        :param factory: another factory than the engine's own.
        :param audio: the content of the audio input, instead of a tone.
        :param on_progress: told of each fraction while the job runs.
        :param live: told of what the engine hands over meanwhile.
        """
        progress: list[float] = []
        warnings: list[str] = []

        def hear(fraction: float, _message: str | None) -> None:
            progress.append(fraction)
            if on_progress is not None:
                on_progress(fraction)

        def log(level: str, line: str) -> None:
            if level == "warning":
                warnings.append(line)

        request = self._request(task, model or self.model(task_kind(task)), factory, audio)
        started = time.monotonic()
        result, failure = None, None
        try:
            result = self.lanes.run(
                request,
                cancel=cancel or threading.Event(),
                on_progress=hear,
                on_log=log,
                live=live,
            )
        except JobError as error:
            failure = error
        return TrialJob(
            seconds=time.monotonic() - started,
            scratch=request.scratch,
            result=result,
            error=failure,
            progress=tuple(progress),
            warnings=tuple(warnings),
        )

    def product(self, task: Task, *, model: Model | None = None) -> Product:
        """What the engine makes of ``task``; asked twice, it is made once.

        Raises:
            NotMet: the job failed, or the file is not what its extension says.
        """
        chosen = model or self.model(task_kind(task))
        key = (chosen.name, msgspec.json.encode(task))
        if key not in self._products:
            self._products[key] = self.fresh_product(task, model=chosen)
        return self._products[key]

    def fresh_product(
        self, task: Task, *, model: Model | None = None, live: LiveOutput = NOBODY
    ) -> Product:
        """As :meth:`product`, made now."""
        work = self.do(task, model=model, live=live)
        if work.error is not None:
            raise NotMet(f"the job failed: {type(work.error).__name__}: {work.error}")
        result = work.result
        assert result is not None
        if task_kind(task) not in BINARY_KINDS:
            answer = msgspec.json.decode(result.path.read_bytes())
            return Product(answer=answer, meta=result.meta, warnings=work.warnings)
        try:
            facts = decode(result.path, result.ext)
        except Undecodable as error:
            raise NotMet(str(error)) from error
        return Product(result.ext, result.path, facts, meta=result.meta, warnings=work.warnings)

    def lane(self) -> LaneStatus | None:
        """The engine's process, if there is one."""
        return next((lane for lane in self.lanes.status()), None)

    def _request(
        self, task: Task, model: Model, factory: str | None, audio: bytes | None
    ) -> LaneRequest:
        entry = self.subject.entry
        if factory is not None and entry.spec is not None:
            spec = msgspec.structs.replace(entry.spec, factory=factory)
            entry = msgspec.structs.replace(entry, spec=spec)
        directory = self._root / f"job-{next(self._numbers)}"
        scratch = directory / "scratch"
        scratch.mkdir(parents=True)
        inputs: dict[str, Path] = {}
        if task_kind(task) is TaskKind.AUDIO_STT:
            inputs["input"] = scratch / "input.wav"
            if audio is None:
                write_tone(inputs["input"], _TONE_SECONDS)
            else:
                inputs["input"].write_bytes(audio)
        return LaneRequest(
            job_id=directory.name,
            entry=entry,
            model=model,
            task=task,
            inputs=inputs,
            directory=directory,
            scratch=scratch,
        )
