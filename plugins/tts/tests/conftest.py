from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from studio_worker_core.plugin import AudioTtsTask, Engine, Job, Model

Speak = Callable[..., Path]


class Bench:
    """Runs jobs on an engine object, without a host."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.progress: list[float] = []
        self.cancel_after: int | None = None
        self.count = 0

    def job(self, task: Any) -> Job[Any]:
        self.count += 1
        directory = self.directory / str(self.count)
        directory.mkdir()
        self.progress = []
        return Job(
            id=str(self.count),
            task=task,
            model=Model(name="test"),
            inputs={},
            directory=directory,
            scratch=directory,
            on_progress=lambda fraction, _: self.progress.append(fraction),
            on_log=lambda *_: None,
            is_cancelled=lambda: (
                self.cancel_after is not None and len(self.progress) >= self.cancel_after
            ),
        )

    def speak(self, engine: Engine, text: str, **options: Any) -> Path:
        answer = engine.generate(self.job(AudioTtsTask(text=text, **options)))
        assert isinstance(answer, Path)
        return answer


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)
