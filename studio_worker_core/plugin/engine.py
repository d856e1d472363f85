"""What a plugin writes: an engine."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, ClassVar

from studio_worker_core.plugin.job import Job, Model

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

    settings: Any = None
    """What the operator set: an instance of what :attr:`EngineSpec.settings` names, there before
    :meth:`load` and the same for as long as the process lives; None for an engine that declares
    none. Since API 1."""

    def load(self, model: Model) -> None:  # noqa: B027 - many engines have nothing to load
        """Make ``model`` ready. Called before the first job and when the model changes."""

    @abstractmethod
    def generate(self, job: Job[Any]) -> Output:
        """Do one job. Report progress, look at ``job.cancelled`` where the work allows it."""

    def unload(self) -> None:  # noqa: B027
        """Let go of the model. The process ends soon after, so most engines need nothing."""
