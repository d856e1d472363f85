"""A job to hand to an engine directly, without a worker around it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from studio_worker_core.plugin import Job, Model
from studio_worker_core.plugin.job import TaskT

__all__ = ["RecordedJob", "make_job"]


class RecordedJob(Job[TaskT]):
    """A job that keeps what its engine says about it; see :func:`make_job`."""

    def __init__(
        self,
        task: TaskT,
        directory: Path,
        *,
        model: Model,
        inputs: Mapping[str, Path],
        id: str,  # noqa: A002 - engines read it as job.id
        is_cancelled: Callable[[], bool],
        options: Any = None,
    ) -> None:
        super().__init__(
            id=id,
            task=task,
            model=model,
            inputs=inputs,
            directory=directory,
            scratch=directory,
            on_progress=self._hear,
            on_log=lambda level, line: self.logs.append((level, line)),
            is_cancelled=is_cancelled,
            on_emit=lambda text: self.emitted.append(text),
            on_preview=lambda image: self.previews.append(image),
            wants_preview=lambda: True,
            options=options,
        )
        self.emitted: list[str] = []
        """The pieces that :meth:`Job.emit` was given."""
        self.previews: list[Any] = []
        """What :meth:`Job.preview` was given; a preview is always wanted."""
        self.fractions: list[float] = []
        """How far the job was, 0 to 1, each time :meth:`Job.progress` said so."""
        self.messages: list[str | None] = []
        """The words that came with each fraction."""
        self.logs: list[tuple[str, str]] = []
        """What :meth:`Job.log` was told: level and line."""

    def _hear(self, fraction: float, message: str | None) -> None:
        self.fractions.append(fraction)
        self.messages.append(message)


def make_job(
    task: TaskT,
    directory: Path,
    *,
    model: Model | str = "test",
    inputs: Mapping[str, Path] | None = None,
    id: str = "job-1",  # noqa: A002 - engines read it as job.id
    is_cancelled: Callable[[], bool] = lambda: False,
    options: Any = None,
) -> RecordedJob[TaskT]:
    """A job that does ``task`` and leaves its result in ``directory``. Since API 1.

    :param directory: an existing directory; temporary files go there, too.
    :param model: the model, or the name of one without files.
    :param inputs: fetched inputs by the names of :attr:`Job.inputs`.
    :param is_cancelled: whether somebody asked for the job to stop; asked anew each time.
    :param options: the engine's own parameters, an instance of its struct.
    """
    return RecordedJob(
        task,
        directory,
        model=Model(model) if isinstance(model, str) else model,
        inputs=inputs or {},
        id=id,
        is_cancelled=is_cancelled,
        options=options,
    )
