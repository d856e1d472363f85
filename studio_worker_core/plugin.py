"""The public contract for engine plugins: everything a plugin may import from the host.

A plugin is an installed distribution with an entry point in the group ``studio_worker``::

    [project.entry-points.studio_worker]
    my-engine = "my_package.plugin"

The module it names implements some of the hooks of :class:`HookSpecs` with
:data:`hookimpl`. The host never imports it: a process of its own imports it, calls the hooks and
keeps the answers until the plugin changes. It must be light all the same. The engine itself
(an :class:`Engine` subclass named by :attr:`EngineSpec.factory`) is imported in a child
process of its own, so that is where heavy libraries belong; a crash there is one failed
job, never the end of the worker.

Compatible changes of this contract (a new hook, a new optional field) keep
:data:`API_VERSION`; an incompatible one raises it. A plugin may say which versions it
accepts with a module attribute ``studio_worker_api = (oldest, newest)``; without one,
``(1, 1)`` is assumed.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from operator import index
from pathlib import Path
from typing import Any, ClassVar, Generic, Literal, TypeVar

import pluggy
from msgspec import Struct, field

from studio_worker_core.errors import EngineFailed, InvalidTask, JobCancelled
from studio_worker_core.wire.bounds import MAX_SIDE
from studio_worker_core.wire.models import CliDefaults
from studio_worker_core.wire.tasks import (
    MAX_SEED,
    AudioSttTask,
    AudioTtsTask,
    ChatMessage,
    ImageTask,
    LlmTask,
    Task,
    TaskKind,
    VideoTask,
)

__all__ = [
    "API_VERSION",
    "ENTRY_POINT_GROUP",
    "AudioSttTask",
    "AudioTtsTask",
    "CapabilityReport",
    "ChatMessage",
    "CliDefaults",
    "CommandSpec",
    "Engine",
    "EngineFailed",
    "EngineSpec",
    "HookSpecs",
    "HostInfo",
    "ImageTask",
    "InvalidTask",
    "Job",
    "JobCancelled",
    "JobEvent",
    "LlmTask",
    "Model",
    "Output",
    "Task",
    "TaskKind",
    "VideoTask",
    "hookimpl",
]

API_VERSION = 1
"""Version of this contract. Raised only by a change that breaks existing plugins."""

ENTRY_POINT_GROUP = "studio_worker"

hookspec = pluggy.HookspecMarker("studio_worker")
hookimpl = pluggy.HookimplMarker("studio_worker")
"""Marks a function of a plugin module as the implementation of the hook of that name."""


class HostInfo(Struct, frozen=True):
    """What a plugin may know about its host when a hook is called."""

    api_version: int
    """:data:`API_VERSION` of the host."""
    agent_version: str
    """Version of studio-worker, e.g. ``"0.1.0"``."""
    models_root: Path
    """Directory under which model files are kept."""


class EngineSpec(Struct, frozen=True):
    """One engine as a plugin offers it."""

    name: str
    """Slug that ``modelSource.engine`` names, e.g. ``"espeak"``; unique over all plugins.
    Lower-case letters, digits and hyphens."""
    models: Mapping[TaskKind, Sequence[str]]
    """Kind → names of the models served. ``"<engine>:*"`` stands for any model whose
    source describes it (protocol §2, capabilities)."""
    factory: str
    """``"module:Class"`` of the :class:`Engine` subclass; imported in the child process."""
    version: str = "0"
    """Version of the engine, shown on the roster."""
    summary: str = ""
    """One line for ``engines list`` and ``engines show``."""
    licence: str = ""
    """SPDX expression of the engine's licence where it differs from the plugin's."""
    parameters: Mapping[str, str] = field(default_factory=dict)
    """Task parameter → how the engine treats it, for ``engines show``."""

    @property
    def kinds(self) -> tuple[TaskKind, ...]:
        """The kinds of work this engine does, in wire order."""
        return tuple(kind for kind in TaskKind if kind in self.models)


class CapabilityReport(Struct, frozen=True):
    """What a plugin adds to the worker's capabilities beside its engines."""

    models: Mapping[TaskKind, Sequence[str]] = field(default_factory=dict)
    """Models beyond :attr:`EngineSpec.models`, e.g. those found on disk right now."""
    traits: Mapping[str, Any] = field(default_factory=dict)
    """Free facts for the studio, JSON values; each key starts with ``"<engine>."``."""


class CommandSpec(Struct, frozen=True):
    """A sub-command a plugin adds to ``studio-worker``."""

    name: str
    """The word typed after ``studio-worker``."""
    help: str
    """One line for ``studio-worker --help``."""
    app: str
    """``"module:attribute"`` of a :class:`typer.Typer`; imported only when it is called. Its
    ``ctx.obj`` has the global options: ``config_path`` is the config file to use, ``verbosity``
    is -1 with ``--quiet``, else how often ``-v`` was given."""


class JobEvent(Struct, frozen=True):
    """Something happened to a job; see :meth:`HookSpecs.studio_worker_job_event`."""

    what: Literal["accepted", "started", "finished", "failed", "delivered", "refused"]
    job_id: str
    engine: str
    model: str
    kind: TaskKind
    seconds: float = 0.0
    """Seconds since the job was accepted."""
    error: str | None = None


class HookSpecs:
    """The hooks. Implement any of them as module-level functions marked ``@hookimpl``."""

    @hookspec
    def studio_worker_engines(self, host: HostInfo) -> Sequence[EngineSpec]:
        """The engines this plugin brings. Asked again when the plugin, or what is
        installed beside it, changes. Since API 1.

        Two plugins that use one engine name are both withdrawn; the built-in engine keeps
        its name.

        :param host: the host that asks.
        """
        raise NotImplementedError

    @hookspec
    def studio_worker_capabilities(self, host: HostInfo) -> CapabilityReport:
        """More models and traits, merged into ``capabilities``. Asked again when
        files in ``host.models_root`` change and every few minutes; must return at once.
        Since API 1.

        :param host: the host that asks.
        """
        raise NotImplementedError

    @hookspec
    def studio_worker_extensions(self) -> Mapping[str, str]:
        """File extension (no dot, lower case) → MIME type of every file the plugin's engines
        can produce. An engine that answers with another extension fails its job. Since API 1.

        Well-known extensions have the one type the host knows (``wav`` is ``audio/wav``); two
        plugins that give another extension different types are both withdrawn.
        """
        raise NotImplementedError

    @hookspec
    def studio_worker_commands(self) -> Sequence[CommandSpec]:
        """Sub-commands of ``studio-worker``. Since API 1."""
        raise NotImplementedError

    @hookspec
    def studio_worker_job_event(self, event: JobEvent) -> None:
        """Called after something happened to a job, in a process of its own: an observer can
        be slow, raise or crash without hurting the job. Since API 1.

        :param event: what happened.
        """
        raise NotImplementedError


class Model(Struct, frozen=True):
    """A model to load: its name, files on disk and defaults."""

    name: str
    files: Mapping[str, Sequence[Path]] = field(default_factory=dict)
    """Role (``diffusion-model``, ``vae``, … protocol §3) → files, in the source's order."""
    defaults: CliDefaults = field(default_factory=CliDefaults)
    """``cliDefaults`` of the model source."""

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
    ) -> None:
        self.id = id
        self.task = task
        self.model = model
        self.inputs = inputs
        """Fetched inputs by the task field they came from, without ``_url``:
        ``init_image``, ``mask``, ``ref_image``, ``input``, ``image`` (mesh), ``image_1`` … (the
        pictures of a chat, in order). Local files, type already checked."""
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


Output = Path | dict[str, Any]
"""What :meth:`Engine.generate` returns: the path from :meth:`Job.output` once the file is
complete (image, audio_tts, video), or the JSON answer (llm, audio_stt)."""


class Engine(ABC):
    """One engine. Made once in its own process; then ``load``, ``generate`` …, ``unload``.

    All calls come from one thread, one at a time. Whatever is raised fails the job:
    :class:`InvalidTask` for parameters it cannot serve (not retried), :class:`EngineFailed`
    for a failure after which the engine is well, :class:`JobCancelled` when asked to stop.
    Anything else is a failure too, and the process is replaced before the next job.
    """

    name: ClassVar[str] = ""
    """Optional; for the engine's own log lines."""

    def load(self, model: Model) -> None:  # noqa: B027 - many engines have nothing to load
        """Make ``model`` ready. Called before the first job and when the model changes."""

    @abstractmethod
    def generate(self, job: Job[Any]) -> Output:
        """Do one job. Report progress, look at ``job.cancelled`` where the work allows it."""

    def unload(self) -> None:  # noqa: B027
        """Let go of the model. The process ends soon after, so most engines need nothing."""
