"""What every route works with: the worker's jobs, the settings of the moment, kept files."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.requests import Request

from studio_worker_core.config import InputLimits
from studio_worker_core.local_api.errors import misfit
from studio_worker_core.local_api.files import ResultFiles
from studio_worker_core.local_api.live import PATIENCE, LiveJob
from studio_worker_core.local_api.models import chosen
from studio_worker_core.local_api.waiting import do
from studio_worker_core.local_api.work import LocalJobs, Made, Served, Work
from studio_worker_core.models.inputs import true_type
from studio_worker_core.wire.tasks import TASKS, Task, TaskKind

_OF_THE_MODEL = ("width", "height", "steps")
_NO_LIMIT_MB = 4096.0


class Names(Struct, frozen=True):
    """``[api]`` of the config: what clients call things, and what they are here."""

    aliases: Mapping[str, str] = {}
    voices: Mapping[str, str] = {}
    hosts: frozenset[str] = frozenset()
    """What other machines call this one, in lower case."""


class Api:
    """One worker's local API, without its routes."""

    def __init__(
        self,
        jobs: LocalJobs,
        names: Callable[[], Names],
        *,
        limits: Callable[[], InputLimits],
        now: Callable[[], float] = time.time,
    ) -> None:
        self.jobs = jobs
        self.names = names
        self.files = ResultFiles()
        self.limits = limits
        self.patience = PATIENCE
        """Seconds after which a stream that has nothing to tell says so."""
        self._now = now
        self._at_stop: list[Callable[[], None]] = []
        self._at_close: list[Callable[[], None]] = [self.files.close]

    def when_stopping(self, call: Callable[[], None]) -> None:
        """Have ``call`` called by :meth:`stop`."""
        self._at_stop.append(call)

    def when_closed(self, call: Callable[[], None]) -> None:
        """Have ``call`` called by :meth:`close`."""
        self._at_close.append(call)

    def stop(self) -> None:
        """Before the server's end: streams that would go on for ever are over."""
        for call in self._at_stop:
            call()

    def close(self) -> None:
        """After the server's end: remove what was kept for clients."""
        for call in self._at_close:
            call()

    def max_upload_bytes(self) -> int:
        """Most bytes of a request that carries files."""
        return int((self.limits().max_mb or _NO_LIMIT_MB) * 1_000_000)

    async def saved(self, uploads: Mapping[str, UploadFile], directory: Path) -> dict[str, Path]:
        """Uploaded files in ``directory``, under the names that engines know them by.

        Raises:
            InvalidTask: one is not what its name stands for.
            OSError: the disk cannot take it.
        """
        return {
            name: await run_in_threadpool(self._saved, upload, directory, name)
            for name, upload in uploads.items()
        }

    def _saved(self, upload: UploadFile, directory: Path, name: str) -> Path:
        path = directory / name
        with path.open("wb") as file:
            shutil.copyfileobj(upload.file, file, 1 << 20)
        return self.judged(path)

    def judged(self, path: Path) -> Path:
        """An upload under the name that engines know it by, with its true extension. Raises as
        :meth:`saved`."""
        return path.rename(f"{path}.{true_type(path, path.name, self.limits())}")

    async def kinds_of(self, name: str) -> frozenset[str]:
        """The kinds of work of a model or alias; see :meth:`.work.LocalJobs.kinds_of`."""
        wanted = self.names().aliases.get(name, name)
        return await run_in_threadpool(self.jobs.kinds_of, wanted)

    def created(self) -> int:
        """This moment, in whole seconds since 1970."""
        return int(self._now())

    async def served(self) -> Sequence[Served]:
        """The models that can be run, the preferred ones first."""
        return await run_in_threadpool(self.jobs.served)  # it reads the catalogue

    async def model(self, name: str | None, kind: TaskKind) -> Served:
        """The model a request means. Raises :class:`.errors.UnknownModel`."""
        return chosen(await self.served(), name, kind, self.names().aliases)

    def task(self, model: Served, fields: Mapping[str, Any]) -> Task:
        """A task of the model's kind; a picture has the model's own size unless it is given.

        Raises:
            BadRequest: a parameter is missing or does not fit.
        """
        shape = TASKS[model.kind]
        wire = {"kind": model.kind.value}
        for field in msgspec.structs.fields(shape):
            own = getattr(model.source.cli_defaults, field.name, None)
            value = fields.get(field.name, own if field.name in _OF_THE_MODEL else None)
            if value is not None:
                wire[field.encode_name] = msgspec.to_builtins(value)
        try:
            return msgspec.convert(wire, shape)
        except msgspec.ValidationError as error:
            raise misfit(error) from None

    async def do(
        self,
        request: Request,
        model: Served,
        task: Task,
        inputs: Mapping[str, Path] | None = None,
        *,
        deadline: float | None = None,
    ) -> Made:
        """Have one job done for the client of ``request``; raises as :func:`.waiting.do`."""
        work = Work(model, task, inputs or {})
        return await do(self.jobs, work, request, deadline=deadline)

    async def live(
        self,
        request: Request,
        model: Served,
        task: Task,
        inputs: Mapping[str, Path] | None = None,
        *,
        deadline: float | None = None,
        previews: bool = False,
    ) -> LiveJob:
        """As :meth:`do`, back with the first piece of the answer; to be closed."""
        work = Work(model, task, inputs or {})
        live = LiveJob(
            self.jobs,
            work,
            request,
            deadline=deadline,
            previews=previews,
            patience=self.patience,
        )
        try:
            await live.begin()
        except BaseException:
            await live.close()
            raise
        return live


@contextmanager
def uploads() -> Iterator[Path]:
    """A directory for what came with a request; gone afterwards."""
    with tempfile.TemporaryDirectory(
        prefix="studio-worker-upload-", ignore_cleanup_errors=True
    ) as directory:
        yield Path(directory)
