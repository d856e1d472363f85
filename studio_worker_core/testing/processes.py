"""Real studio and worker processes for tests, with their output readable line by line.

Both are context managers that leave nothing behind: the process is stopped, then killed.
"""

from __future__ import annotations

import os
import random
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import psutil
import requests

__all__ = ["Operator", "ProcessUnderTest", "StudioProcess", "WorkerProcess", "eventually"]

T = TypeVar("T")


def eventually(
    what: str, probe: Callable[[], T], *, timeout: float = 30.0, interval: float = 0.02
) -> T:
    """Ask ``probe`` until it answers something true; for state only another process knows.

    Raises:
        AssertionError: not within ``timeout`` seconds; says ``what`` and the last answer.
    """
    deadline = time.monotonic() + timeout
    pause = threading.Event()
    while True:
        answer = probe()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout:g} s: {what} (last answer: {answer!r})")
        pause.wait(interval)


def _lasting_port() -> int:
    """A free port that the system lends to no outgoing connection, so that a server which is
    down for a while finds it free again."""
    candidates = range(10_000, 32_000)
    for port in random.sample(candidates, 200):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("no free port between 10000 and 32000")


class ProcessUnderTest:
    """A child process whose combined output is collected by a thread."""

    name = "process"

    def __init__(self, argv: list[str], *, env: Mapping[str, str] | None = None) -> None:
        self.argv = argv
        self.env = {**os.environ, "PYTHONUNBUFFERED": "1", "NO_COLOR": "1", **(env or {})}
        self.lines: list[str] = []
        self._changed = threading.Condition()
        self._ended = False
        self.process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None

    def start(self) -> Self:
        """Start the process; may be called again after it ended."""
        self._ended = False
        self.process = subprocess.Popen(
            self.argv,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        self._reader = threading.Thread(target=self._read, args=(self.process,), daemon=True)
        self._reader.start()
        return self

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        with process.stdout:
            for line in process.stdout:
                with self._changed:
                    self.lines.append(line.rstrip("\n"))
                    self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    @property
    def pid(self) -> int:
        """The process id."""
        assert self.process is not None
        return self.process.pid

    @property
    def output(self) -> str:
        """Everything printed so far, over all starts."""
        return "\n".join(self.lines)

    def wait_line(self, pattern: str, *, after: int = 0, timeout: float = 30.0) -> re.Match[str]:
        """The first output line from index ``after`` on that ``pattern`` is found in."""
        regex = re.compile(pattern)
        deadline = time.monotonic() + timeout
        seen = after
        with self._changed:
            while True:
                while seen < len(self.lines):
                    found = regex.search(self.lines[seen])
                    if found:
                        return found
                    seen += 1
                left = deadline - time.monotonic()
                if self._ended or left <= 0:
                    why = "it ended" if self._ended else f"{timeout:g} s passed"
                    raise AssertionError(
                        f"{self.name} never printed {pattern!r} ({why}); its output:\n"
                        + "\n".join(self.lines[-60:])
                    )
                self._changed.wait(left)

    def signal(self, number: int) -> None:
        """Send a signal to the process alone."""
        assert self.process is not None
        self.process.send_signal(number)

    def wait(self, timeout: float = 30.0) -> int:
        """Wait for its end; the exit code (negative: the signal that ended it)."""
        assert self.process is not None
        assert self._reader is not None
        code = self.process.wait(timeout)
        self._reader.join(timeout)
        return code

    def stop(self, timeout: float = 30.0) -> int:
        """Ask it to end (SIGTERM) and wait."""
        self.signal(signal.SIGTERM)
        return self.wait(timeout)

    def kill(self) -> None:
        """``kill -9`` and wait. Children are left to themselves: that is the test."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(10)

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
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)
        if self._reader is not None:
            self._reader.join(10)


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
        self.port = self.port or _lasting_port()
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
            self.config.write_text(f'api_base_url = "{studio_url}"\n{settings}', "utf-8")
            self.config.chmod(0o600)
        argv = [sys.executable, "-m", "studio_worker_core.cli.main"]
        super().__init__([*argv, "--config", str(self.config), *options, "run"], env=env)

    @property
    def outbox(self) -> Path:
        """Its outbox directory."""
        return self.config.parent / "outbox"


class Operator:
    """The operator API of our studio (protocol §6), as literal JSON."""

    def __init__(self, url: str, token: str) -> None:
        self.base = url.rstrip("/") + "/graphics/api"
        self._headers = {"Authorization": f"Bearer {token}"}

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """One call; the JSON answer, or the bytes when it is none."""
        answer = requests.request(
            method, self.base + path, json=body, headers=self._headers, timeout=30
        )
        if not answer.ok:
            raise AssertionError(f"{method} {path}: {answer.status_code} {answer.text}")
        if answer.headers.get("content-type", "").startswith("application/json"):
            return answer.json()
        return answer.content

    def listing(self, path: str) -> list[dict[str, Any]]:
        """A list endpoint's items, whatever key they come under."""
        answer = self.call("GET", path)
        if isinstance(answer, list):
            return answer
        return next(value for value in answer.values() if isinstance(value, list))

    def approve_next(self, timeout: float = 30.0) -> str:
        """Wait for a registration request and approve it; its request id."""
        waiting = eventually(
            "a registration request", lambda: self.listing("/workers/pending"), timeout=timeout
        )
        request_id = str(waiting[0]["requestId"])
        self.call("POST", f"/workers/pending/{request_id}/approve")
        return request_id

    def wait_worker(self, state: str, timeout: float = 30.0) -> dict[str, Any]:
        """Wait until some worker is in ``state``; that worker."""
        return (
            eventually(
                f"a worker that is {state}",
                lambda: next((w for w in self.listing("/workers") if w["state"] == state), None),
                timeout=timeout,
            )
            or {}
        )

    def submit(self, model: str, task: dict[str, Any], **more: Any) -> str:
        """Queue a job; its id."""
        answer = self.call("POST", "/jobs", {"model": model, "task": task, **more})
        return str(answer["jobId"])

    def job(self, job_id: str) -> dict[str, Any]:
        """One job as the studio sees it."""
        answer: dict[str, Any] = self.call("GET", f"/jobs/{job_id}")
        return answer

    def wait_job(self, job_id: str, *states: str, timeout: float = 60.0) -> dict[str, Any]:
        """Wait until the job is in one of ``states`` (default: ended)."""
        wanted = states or ("done", "failed", "cancelled")

        def probe() -> dict[str, Any] | None:
            job = self.job(job_id)
            return job if job["state"] in wanted else None

        job = eventually(f"job {job_id} {'/'.join(wanted)}", probe, timeout=timeout)
        assert job is not None
        return job

    def result(self, job_id: str) -> Any:
        """The bytes or the JSON of a finished job."""
        return self.call("GET", f"/jobs/{job_id}/result")
