"""What the long-lived processes of a soak take: memory and open files."""

from __future__ import annotations

import os

import psutil
from msgspec import Struct

from tests.soak.stage import MARK, Stage
from tests.support.processes import ProcessUnderTest

_MEBIBYTE = 1024 * 1024


class Size(Struct, frozen=True):
    """One process at one moment."""

    pid: int
    memory_mb: float
    files: int
    threads: int


class Growth(Struct, frozen=True):
    """One process over the steady state."""

    name: str
    before: Size
    after: Size

    @property
    def memory_mb(self) -> float:
        """Resident memory gained, in MiB."""
        return self.after.memory_mb - self.before.memory_mb

    @property
    def files(self) -> int:
        """Open files gained."""
        return self.after.files - self.before.files

    @property
    def threads(self) -> int:
        """Threads gained."""
        return self.after.threads - self.before.threads


def sizes(stage: Stage) -> dict[str, Size]:
    """The studio and every worker now."""
    named = {worker.config.parent.name: worker for worker in stage.workers}
    return {name: _size(process) for name, process in {"studio": stage.studio, **named}.items()}


def growth(before: dict[str, Size], after: dict[str, Size]) -> list[Growth]:
    """What each process gained. One that was replaced meanwhile has no growth to speak of."""
    return [
        Growth(name, before[name], size)
        for name, size in after.items()
        if before[name].pid == size.pid
    ]


def marked(mark: str) -> list[str]:
    """Every living process of a soak, as its command line."""
    wanted = f"{MARK}={mark}"
    found = []
    for process in psutil.process_iter():
        try:
            named = f"{MARK}={process.environ().get(MARK)}" == wanted
            if named and process.pid != os.getpid() and process.status() != "zombie":
                found.append(f"{process.pid} {' '.join(process.cmdline())}")
        except psutil.Error:
            continue
    return found


def _size(process: ProcessUnderTest) -> Size:
    found = psutil.Process(process.pid)
    files = found.num_fds() if hasattr(found, "num_fds") else len(found.open_files())
    return Size(process.pid, found.memory_info().rss / _MEBIBYTE, files, found.num_threads())
