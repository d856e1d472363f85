"""Real studio and worker processes for tests, with their output readable line by line.

Both are context managers that leave nothing behind: the process is stopped, then killed.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from studio_worker_studio.demo.transcript import Transcript
from tests.support.operator import Operator
from tests.support.ports import lasting_port


class ProcessUnderTest:
    """A child process whose combined output is collected by a thread."""

    name = "process"

    def __init__(self, argv: list[str], *, env: Mapping[str, str] | None = None) -> None:
        self.argv = argv
        own = {"PYTHONUNBUFFERED": "1", "NO_COLOR": "1", "PYTHONFAULTHANDLER": "1"}
        self.env = {**os.environ, **own, **(env or {})}
        self._said = Transcript()
        self.process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None

    def start(self) -> Self:
        """Start the process; may be called again after it ended."""
        self.process = subprocess.Popen(
            self.argv,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        assert self.process.stdout is not None
        self._reader = self._said.follow(self.process.stdout, f"{self.name} output")
        return self

    @property
    def lines(self) -> list[str]:
        """What it printed so far, over all starts."""
        return self._said.lines

    @property
    def pid(self) -> int:
        """The process id."""
        assert self.process is not None
        return self.process.pid

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self.process is not None and self.process.poll() is None

    @property
    def output(self) -> str:
        """Everything printed so far, over all starts."""
        return "\n".join(self.lines)

    def wait_line(self, pattern: str, *, after: int = 0, timeout: float = 90.0) -> re.Match[str]:
        """The first output line from index ``after`` on that ``pattern`` is found in."""
        found = self._said.wait_for(pattern, seconds=timeout, after=after)
        if found is None:
            why = "it ended" if self._said.ended else f"{timeout:g} s passed"
            said = "\n".join(self.lines[-60:])
            raise AssertionError(
                f"{self.name} never printed {pattern!r} ({why}); its output:\n{said}"
            )
        return found

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Add to an assertion that fails in the block what the process printed last, and what
        each of its threads is doing: it is ended for that.

        Raises:
            AssertionError: with all of that.
        """
        try:
            yield
        except AssertionError as error:
            if self.alive:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self.signal(signal.SIGABRT)
                    self.wait(60)
            said = "\n".join(self.lines[-200:])
            raise AssertionError(f"{error}; the {self.name} printed:\n{said}") from None

    def signal(self, number: int) -> None:
        """Send a signal to the process alone."""
        assert self.process is not None
        self.process.send_signal(number)

    def wait(self, timeout: float = 90.0) -> int:
        """Wait for its end; the exit code (negative: the signal that ended it)."""
        assert self.process is not None
        assert self._reader is not None
        code = self.process.wait(timeout)
        self._reader.join(timeout)
        return code

    def stop(self, timeout: float = 90.0) -> int:
        """Ask it to end (SIGTERM) and wait."""
        self.signal(signal.SIGTERM)
        return self.wait(timeout)

    def kill(self) -> None:
        """``kill -9`` and wait. Children are left to themselves: that is the test."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(60)

    def descendants(self) -> list[psutil.Process]:
        """All living processes below it."""
        return psutil.Process(self.pid).children(recursive=True)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        process = self.process
        if process is None:
            return
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(60)
        if self._reader is not None:
            self._reader.join(60)


class StudioProcess(ProcessUnderTest):
    """``studio-worker studio serve`` on a free loopback port; a restart keeps the port."""

    name = "studio"

    def __init__(
        self, data: Path, *options: str, port: int = 0, env: Mapping[str, str] | None = None
    ) -> None:
        self.data = data
        self.token_file = data / "operator-token"
        self.options = options
        self.port = port
        self.url = ""
        super().__init__([], env=env)

    def start(self) -> Self:
        """Start it and wait until it listens."""
        self.data.mkdir(parents=True, exist_ok=True)
        self.port = self.port or lasting_port()
        self.argv = [
            sys.executable,
            *("-m", "studio_worker_core.cli.main", "studio", "serve"),
            *("--host", "127.0.0.1", "--port", str(self.port), "--data", str(self.data)),
            *("--operator-token-file", str(self.token_file)),
            *self.options,
        ]
        before = len(self.lines)
        super().start()
        found = self.wait_line(r"listening on (http://[\d.]+:(\d+)/)", after=before)
        self.url, self.port = found.group(1), int(found.group(2))
        return self

    @property
    def operator(self) -> Operator:
        """A client of its operator API."""
        return Operator(self.url, self.token_file.read_text("utf-8").strip())


class WorkerProcess(ProcessUnderTest):
    """``studio-worker run`` on a config directory of its own."""

    name = "worker"

    def __init__(
        self,
        directory: Path,
        studio_url: str,
        *,
        settings: str = "",
        options: tuple[str, ...] = (),
        env: Mapping[str, str] | None = None,
    ) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.config = directory / "config.toml"
        if not self.config.exists():
            self.config.write_text(
                f'api_base_url = "{studio_url}"\n'
                f'models_root = "{directory / "models"}"\n{settings}',
                "utf-8",
            )
            self.config.chmod(0o600)
        argv = [sys.executable, "-m", "studio_worker_core.cli.main"]
        super().__init__([*argv, "--config", str(self.config), *options, "run"], env=env)

    @property
    def outbox(self) -> Path:
        """Its outbox directory."""
        return self.config.parent / "outbox"
