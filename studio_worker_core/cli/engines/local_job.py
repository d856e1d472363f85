"""One job on an engine of this machine, without a studio, and stopping it with Ctrl-C."""

from __future__ import annotations

import contextlib
import signal
import tempfile
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import FrameType

import typer

from studio_worker_core.cli.engines.job_progress import job_progress
from studio_worker_core.config import Limits
from studio_worker_core.engines.lanes import LaneRequest, Lanes, Result
from studio_worker_core.engines.roster import RosterEntry
from studio_worker_core.errors import InvalidTask, JobCancelled
from studio_worker_core.models.sniff import HEAD_BYTES, audio_type, image_type
from studio_worker_core.plugin import Model
from studio_worker_core.wire.tasks import Task

__all__ = ["check_input", "local_job", "stopping"]


@contextlib.contextmanager
def stopping() -> Iterator[threading.Event]:
    """An event that Ctrl-C and SIGTERM set while this is entered; a second Ctrl-C interrupts.

    Raises:
        KeyboardInterrupt: the event stopped a job.
    """
    stop = threading.Event()

    def ask(number: int, _frame: FrameType | None) -> None:
        if stop.is_set() and number == signal.SIGINT:
            raise KeyboardInterrupt
        stop.set()

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    except JobCancelled:
        if stop.is_set():
            raise KeyboardInterrupt from None
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def local_job(
    entry: RosterEntry,
    model: Model,
    task: Task,
    inputs: Mapping[str, Path],
    *,
    limits: Limits,
    cancel: threading.Event,
    verbosity: int = 0,
) -> Iterator[Result]:
    """Do one job in a lane of its own; its result, whose file is gone afterwards.

    Raises:
        JobError: as :meth:`Lanes.run`.
    """

    def on_log(level: str, line: str) -> None:
        if verbosity > 0 or level in ("warning", "error"):
            typer.echo(f"{entry.engine}: {line}", err=True)

    with tempfile.TemporaryDirectory(prefix="studio-worker-") as root:
        scratch = Path(root) / "scratch"
        scratch.mkdir()
        request = LaneRequest(
            job_id="local",
            entry=entry,
            model=model,
            task=task,
            inputs=inputs,
            directory=Path(root),
            scratch=scratch,
        )
        with (
            Lanes(lambda: limits, keep_warm=0) as lanes,
            job_progress(f"{entry.engine} {model.name}", quiet=verbosity < 0) as on_progress,
        ):
            result = lanes.run(request, cancel=cancel, on_progress=on_progress, on_log=on_log)
        yield result


def check_input(name: str, path: Path) -> Path:
    """An input file, looked at as the worker looks at those of a studio.

    Raises:
        InvalidTask: it is no image, or no audio for ``input``.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    is_audio = name == "input"
    if (audio_type(head) if is_audio else image_type(head)) is None:
        raise InvalidTask(f"{path} is not {'audio' if is_audio else 'an image'}")
    return path.resolve()
