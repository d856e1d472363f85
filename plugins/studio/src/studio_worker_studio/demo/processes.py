"""The demo's child processes: started, listened to, and stopped whatever happens."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import Sequence
from types import TracebackType

from studio_worker_core.errors import StudioWorkerError
from studio_worker_studio.demo.transcript import Transcript

_KEPT_LINES = 2000
_TAIL_LINES = 30
_STOP_SECONDS = 15.0


class ChildFailed(StudioWorkerError):
    """A process of the demo ended or stayed silent; carries the end of its output."""

    def __init__(self, name: str, what: str, tail: Sequence[str]) -> None:
        said = "".join(f"\n  {line}" for line in tail)
        super().__init__(f"the demo's {name} {what}; its last words:{said or ' (none)'}")
        self.name = name


class Child:
    """``studio-worker <arguments>`` as a process of its own while it is entered.

    It gets a session of its own, so that Ctrl-C reaches only the demo, which then stops its
    children in order. Its output is kept line by line; the last lines can be asked for.
    """

    def __init__(self, name: str, arguments: Sequence[str]) -> None:
        self.name = name
        self._arguments = arguments
        self._environ = {**os.environ, "NO_COLOR": "1", "PYTHONUNBUFFERED": "1"}
        self._said = Transcript(_KEPT_LINES)

    def __enter__(self) -> Child:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "studio_worker_core.cli.main", *self._arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            env=self._environ,
            start_new_session=True,
        )
        assert self._process.stdout is not None
        self._reader = self._said.follow(self._process.stdout, f"{self.name} output")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.terminate()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if sys.platform != "win32":
            # Whatever it left in its session; usually there is nothing.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
        self._reader.join(_STOP_SECONDS)

    def wait_for(self, pattern: str, *, seconds: float) -> re.Match[str]:
        """The first line of its output that ``pattern`` is found in.

        Raises:
            ChildFailed: it ended, or did not say so within ``seconds``.
        """
        found = self._said.wait_for(pattern, seconds=seconds)
        if found is None:
            silent = f"was not ready in {seconds:g} s"
            what = f"ended ({self._status()})" if self._said.ended else silent
            raise ChildFailed(self.name, what, self.tail())
        return found

    def check_alive(self) -> None:
        """Raise :class:`ChildFailed` if it has ended."""
        if self._process.poll() is not None:
            self._reader.join(_STOP_SECONDS)
            raise ChildFailed(self.name, f"ended ({self._status()})", self.tail())

    def tail(self, *, about: Sequence[str] = ()) -> list[str]:
        """The last lines it wrote; with ``about``, those that have one of these words."""
        lines = self._said.lines
        if about:
            lines = [line for line in lines if any(word in line for word in about)]
        return lines[-_TAIL_LINES:]

    def _status(self) -> str:
        code = self._process.wait()
        return f"exit code {code}" if code >= 0 else f"signal {-code}"
