"""An engine at work in the test's own process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from studio_worker_core.plugin import AudioTtsTask, Engine, Task
from studio_worker_core.testing.jobs import RecordedJob, make_job

__all__ = ["Bench"]


class Bench:
    """Runs jobs on an engine object, without a host."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._job: RecordedJob[Task]
        self.cancel_after: int | None = None
        self.count = 0

    @property
    def progress(self) -> list[float]:
        """Of the last job."""
        return self._job.fractions

    @property
    def told(self) -> list[str]:
        """What the engine logged as a warning in the last job."""
        return [line for level, line in self._job.logs if level == "warning"]

    def job(self, task: Task, options: Any = None) -> RecordedJob[Task]:
        self.count += 1
        directory = self.directory / str(self.count)
        directory.mkdir()
        self._job = make_job(
            task,
            directory,
            is_cancelled=lambda: (
                self.cancel_after is not None and len(self.progress) >= self.cancel_after
            ),
            options=options,
        )
        return self._job

    def speak(self, engine: Engine, text: str, **options: Any) -> Path:
        answer = engine.generate(self.job(AudioTtsTask(text=text, **options)))
        assert isinstance(answer, Path)
        return answer
