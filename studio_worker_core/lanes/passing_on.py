"""Passing on what an engine process says of a job's output, within bounds, to who wants it."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Callable
from pathlib import Path

from studio_worker_core.lanes.live import Inspection, LiveOutput, Preview, Wanted
from studio_worker_core.lanes.process import Heard
from studio_worker_core.lanes.protocol import Emitted, Inspected, Previewed
from studio_worker_core.lanes.request import LaneRequest
from studio_worker_core.media_types import image_type

MAX_PASSED_ON = 8 << 20
"""Most characters of one job; what comes after them is not passed on."""

MAX_PREVIEW_BYTES = 1 << 20
"""Largest preview."""

# Whatever an engine put there under that name: nothing that makes the reader wait or follow.
_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_BINARY", 0)
)


class PassingOn:
    """The output of one job. A message costs its own length, however many came before."""

    def __init__(self, live: LiveOutput, request: LaneRequest) -> None:
        self._live = live
        self._scratch = request.scratch
        self._characters = 0

    @property
    def wanted(self) -> Wanted:
        """What the engine process is to tell."""
        return self._live.wanted

    def hear(self, message: Emitted | Previewed) -> None:
        """Pass it on if it is wanted and in order."""
        match message:
            case Emitted(text=text) if text and self._live.text is not None:
                if self._characters + len(text) <= MAX_PASSED_ON:
                    self._characters += len(text)
                    self._live.text(text)
            case Previewed(name=name) if self._live.preview is not None:
                picture = taken(self._scratch, name)
                if picture is not None:
                    self._live.preview(picture)


def taken(directory: Path, name: str) -> Preview | None:
    """Read a preview and remove its file, which asks the engine for the next one; None when it
    is none."""
    if Path(name).name != name or "\0" in name:
        return None
    path = directory / name
    try:
        data = _read(path)
    except OSError:
        return None
    with contextlib.suppress(OSError):
        path.unlink()
    match image_type(data):
        case "png" | "jpg" as ext if len(data) <= MAX_PREVIEW_BYTES:
            return Preview(data, ext)
        case _:
            return None


def _read(path: Path) -> bytes:
    """Raises OSError, also where it is no regular file."""
    with os.fdopen(os.open(path, _FLAGS), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError("no regular file")
        return file.read(MAX_PREVIEW_BYTES + 1)


class Inspections:
    """What comes after a job's end, and whoever waits for it. Any thread may call.

    :param pass_on: gets every other message.
    """

    def __init__(self, pass_on: Callable[[Heard], None]) -> None:
        self._pass_on = pass_on
        self._waiting: dict[str, Callable[[Inspection], None]] = {}

    def expect(self, job_id: str, hearer: Callable[[Inspection], None] | None) -> None:
        """The inspection of that job is for ``hearer``; None: for nobody."""
        self._waiting.pop(job_id, None)
        # It may still owe that of the job before; what is older never comes.
        for older in list(self._waiting)[:-1]:
            self._waiting.pop(older, None)
        if hearer is not None:
            self._waiting[job_id] = hearer

    def hear(self, heard: Heard) -> None:
        """Take what the process said; one inspection for each job that is waited for."""
        if not isinstance(heard, Inspected):
            self._pass_on(heard)
        elif (hearer := self._waiting.pop(heard.job_id, None)) is not None:
            hearer(heard.found)
