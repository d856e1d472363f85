"""One job, and the model that does it, as an engine sees them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import index
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar

from msgspec import Struct, field

from studio_worker_core.errors import JobCancelled
from studio_worker_core.wire.bounds import MAX_SIDE
from studio_worker_core.wire.models import CliDefaults
from studio_worker_core.wire.tasks import MAX_SEED, Task


class Place(Struct, frozen=True):
    """Where an engine is to work, and with how much. Set by the operator for this engine or for
    all of them (``device``, ``threads``, ``memory_mb`` under ``[engines.…]``)."""

    device: str = "auto"
    """``auto``: what the engine finds best; else ``cpu``, ``cuda`` or ``mps``. One card of several
    is also ``cuda`` here: the process sees no other."""
    threads: int | None = None
    """Threads to compute with; None leaves it to the engine. What OpenMP and the usual BLAS
    libraries read is set already."""
    memory_mb: int | None = None
    """Most main memory, in MiB, before the process is ended; None: the limit of all engines."""


class Model(Struct, frozen=True):
    """A model to load: its name, files on disk and defaults."""

    name: str
    files: Mapping[str, Sequence[Path]] = field(default_factory=dict)
    """Role (``diffusion-model``, ``vae``, … protocol §3) → files, in the source's order."""
    defaults: CliDefaults = field(default_factory=CliDefaults)
    """``cliDefaults`` of the model source."""
    place: Place = Place()
    """Where it is to run. Since API 1."""

    def file(self, role: str) -> Path | None:
        """The first file of a role, or None."""
        paths = self.files.get(role, ())
        return paths[0] if paths else None


TaskT = TypeVar("TaskT", bound=Task)

_REPORTED: Mapping[str, tuple[int, int]] = {
    "seed": (0, MAX_SEED),
    "steps": (1, 10_000),
    "width": (1, MAX_SIDE),
    "height": (1, MAX_SIDE),
}
"""What :meth:`Job.report` takes: least and most."""


class Job(Generic[TaskT]):
    """One task being done, as its engine sees it."""

    def __init__(
        self,
        *,
        id: str,  # noqa: A002 - engines read it as job.id
        task: TaskT,
        model: Model,
        inputs: Mapping[str, Path],
        directory: Path,
        scratch: Path,
        on_progress: Callable[[float, str | None], None],
        on_log: Callable[[str, str], None],
        is_cancelled: Callable[[], bool],
        on_emit: Callable[[str], None] = lambda _text: None,
        on_preview: Callable[[Any], None] = lambda _image: None,
        wants_preview: Callable[[], bool] = lambda: False,
        options: Any = None,
    ) -> None:
        self.id = id
        self.task = task
        self.model = model
        self.inputs = inputs
        """Fetched inputs by the task field they came from, without ``_url``:
        ``init_image``, ``mask``, ``ref_image``, ``input``, ``image`` (mesh), ``image_1`` … (the
        pictures of a chat, in order). Local files, type already checked."""
        self.options = options
        """The engine's own parameters: an instance of what :attr:`EngineSpec.options` names, with
        its defaults where the task says nothing; None for an engine that declares none."""
        self.scratch = scratch
        """A directory for temporary files, removed after the job."""
        self._directory = directory
        self._on_progress = on_progress
        self._on_log = on_log
        self._is_cancelled = is_cancelled
        self._on_emit = on_emit
        self._on_preview = on_preview
        self._wants_preview = wants_preview
        self._fraction = 0.0
        self._reported: dict[str, int] = {}

    def output(self, ext: str) -> Path:
        """The path to write the result to. ``ext`` without a dot: the true type of the bytes."""
        return self._directory / f"result.{ext.lower()}"

    def progress(self, fraction: float, message: str | None = None) -> None:
        """Report how far the job is, 0 to 1; a step backwards is ignored."""
        clamped = min(max(fraction, 0.0), 1.0)
        if clamped >= self._fraction:
            self._fraction = clamped
            self._on_progress(clamped, message)

    def log(
        self, message: str, level: Literal["debug", "info", "warning", "error"] = "info"
    ) -> None:
        """Add a line to the worker's log, tagged with this job."""
        self._on_log(level, message)

    def emit(self, *, text: str) -> None:
        """Hand over the next piece of an answer while it is being made: tokens of a chat, a
        stretch of a transcript. Since API 1.

        All pieces in order are the text of the result: ``message.content`` of a chat, with its
        reasoning before it as ``<think>…</think>`` where there is any; ``text`` of a
        transcript. A text that may yet be taken back, such as the beginning of a stop text, is
        held back. The result still comes as ever, whole.

        Returns at once, from any thread: pieces that nobody takes in time are put together, and
        beyond 4 million characters of one job nothing more is shown. A piece is a sign of life.
        """
        given: Any = text  # an engine is not held to its types
        if isinstance(given, str):
            self._on_emit(given)
        else:
            self.log(f"emit: {type(given).__name__} is no text; left out", "warning")

    @property
    def wants_preview(self) -> bool:
        """Whether a preview would be shown now: somebody looks, and the last one has been taken.
        Worth asking before a picture is made for it. Since API 1."""
        return self._wants_preview()

    def preview(self, image: Any) -> None:
        """Show a picture in the making, where :attr:`wants_preview`; else nothing happens. Since
        API 1.

        Up to 768 pixels a side are shown; a larger one is made smaller. One that cannot be shown
        is a warning in the log; no job fails for it.

        :param image: a Pillow image, which stays as it is, or the path of a picture file.
        """
        if self.wants_preview:
            self._on_preview(image)

    def report(
        self,
        *,
        seed: int | None = None,
        steps: int | None = None,
        width: int | None = None,
        height: int | None = None,
    ) -> None:
        """Say what the result is made with where that is not what the task asks for: a default
        of the model, the next size that can be drawn. Optional: without it the studio is told
        the task's own values. Said again, the later value counts. Since API 1.

        A value that makes no sense is left out with a warning in the log; no job fails for it.

        :param seed: the one that makes the same result again, 0 to 2⁶⁴-1.
        :param steps: steps of work, 1 to 10000.
        :param width: pixels of the result, 1 to 16384.
        :param height: as ``width``.
        """
        given = {"seed": seed, "steps": steps, "width": width, "height": height}
        for name, value in given.items():
            low, high = _REPORTED[name]
            try:
                number = None if value is None else index(value)
            except (TypeError, ValueError):
                number = low - 1
            if number is None:
                continue
            if isinstance(value, bool) or not low <= number <= high:
                shown = repr(value)[:80]
                self.log(f"report: {name} {shown} is not {low} to {high}; left out", "warning")
            else:
                self._reported[name] = number

    @property
    def reported(self) -> Mapping[str, int]:
        """What :meth:`report` was told so far."""
        return self._reported

    @property
    def cancelled(self) -> bool:
        """True once somebody asked for this job to stop; it is killed 2 s later."""
        return self._is_cancelled()

    def check_cancelled(self) -> None:
        """Raise :class:`JobCancelled` if somebody asked for this job to stop."""
        if self.cancelled:
            raise JobCancelled("cancelled")
