"""Telling plugins what happened to jobs, each in a process of its own that can hurt nobody."""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence

import msgspec

from studio_worker_core.plugin import JobEvent
from studio_worker_core.processes.asked import request_bytes
from studio_worker_core.processes.environment import plugin_environment
from studio_worker_core.processes.guard import kill_group
from studio_worker_core.processes.output_tail import OutputTail
from studio_worker_core.roster.installed import Candidate
from studio_worker_core.roster.observe import END_SECONDS

_log = logging.getLogger("studio_worker.roster.observers")

_QUEUED = 256
_FAULTS_SHOWN = 5
_DEATHS = 3
"""An observer whose process ended this often hears no more."""


class Observer:
    """One plugin's observer: a thread with a bounded queue, and a process that is started with
    the first event and fed over a pipe."""

    def __init__(self, plugin: Candidate, *, interpreter: str | None = None) -> None:
        self._plugin = plugin
        self._interpreter = interpreter
        self._events: queue.Queue[JobEvent | None] = queue.Queue(_QUEUED)
        self._dropped = self._deaths = self._faults = 0
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._closing = self._forced = False

    @property
    def pid(self) -> int | None:
        """Its process, once there is one."""
        process = self._process
        return process.pid if process is not None else None

    def put(self, event: JobEvent) -> None:
        """Queue one event; returns at once. The newest is dropped when the queue is full."""
        with self._lock:
            if self._closing:
                return
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._work, name=f"observer-{self._plugin.name}", daemon=True
                )
                self._thread.start()
            try:
                self._events.put_nowait(event)
            except queue.Full:
                self._dropped += 1
                if self._dropped == 1:
                    self._warn("is too slow; events are dropped")

    def stop(self) -> None:
        """No more events; those that are queued still go out."""
        with self._lock:
            self._closing = True
            with contextlib.suppress(queue.Full):
                self._events.put_nowait(None)

    def join(self, deadline: float) -> None:
        """Wait until ``deadline`` (monotonic seconds) for its end, then end it by force."""
        thread, process = self._thread, self._process
        if thread is None:
            return
        thread.join(max(0.0, deadline - time.monotonic()))
        if thread.is_alive() and process is not None:
            self._forced = True
            kill_group(process.pid)
            process.kill()
            thread.join(END_SECONDS)

    def _work(self) -> None:
        # The process is started here, on a thread that lives as long as it does: on Linux it
        # dies with the thread that started it.
        with tempfile.TemporaryDirectory(
            prefix="studio-worker-", ignore_cleanup_errors=True
        ) as scratch:
            while (event := self._next()) is not None:
                self._deliver(event, scratch)
            process = self._process
            if process is not None:
                with contextlib.suppress(OSError):
                    assert process.stdin is not None
                    process.stdin.close()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(END_SECONDS)
                _end(process)

    def _next(self) -> JobEvent | None:
        """The next event; None when there will be none."""
        while True:
            try:
                return self._events.get(timeout=1.0)
            except queue.Empty:
                if self._closing:  # the queue was too full for the word that ends it
                    return None

    def _deliver(self, event: JobEvent, scratch: str) -> None:
        if self._forced or self._deaths >= _DEATHS:
            return
        try:
            if self._process is not None and self._process.poll() is not None:
                self._died(f"code {self._process.returncode}")
            if self._process is None:
                self._process = self._start(scratch)
            assert self._process.stdin is not None
            self._process.stdin.write(msgspec.json.encode(event) + b"\n")
            self._process.stdin.flush()
        except OSError as error:
            self._died(error.strerror or str(error))

    def _died(self, how: str) -> None:
        process, self._process = self._process, None
        if process is not None:
            _end(process)
        self._deaths += 1
        if not self._forced:
            last = "; it hears no more" if self._deaths >= _DEATHS else ""
            self._warn(f"ended its process, or none can be started ({how}){last}")

    def _start(self, scratch: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [self._interpreter or sys.executable, "-P", "-m", f"{__package__}.observe"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=scratch,
            env=plugin_environment(foreign=self._interpreter is not None),
            start_new_session=True,
        )
        for what, target in (("reports", self._hear), ("output", self._drain)):
            name = f"observer-{self._plugin.name}-{what}"
            threading.Thread(target=target, args=(process,), name=name, daemon=True).start()
        assert process.stdin is not None
        request = request_bytes({"candidate": self._plugin}, self._interpreter)
        process.stdin.write(request + b"\n")
        return process

    def _hear(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        with process.stdout as reports, contextlib.suppress(OSError, ValueError):
            while line := reports.readline(4096):
                self._faults += 1
                if self._faults <= _FAULTS_SHOWN:
                    self._warn(line.decode("utf-8", "replace").strip())

    def _drain(self, process: subprocess.Popen[bytes]) -> None:
        tail = OutputTail(self._plugin.distribution)
        assert process.stderr is not None
        with process.stderr as stream, contextlib.suppress(OSError, ValueError):
            while data := os.read(stream.fileno(), 65536):
                tail.feed(data)

    def _warn(self, text: str) -> None:
        _log.warning("the job observer of %s %s", self._plugin.name, text)


class JobObservers:
    """All observers; calling it hands an event to each."""

    def __init__(self, observers: Sequence[Observer]) -> None:
        self._observers = tuple(observers)

    def __call__(self, event: JobEvent) -> None:
        for observer in self._observers:
            observer.put(event)

    def close(self) -> None:
        """Let each have what it was told, for a moment, and end it."""
        for observer in self._observers:
            observer.stop()
        deadline = time.monotonic() + 2 * END_SECONDS
        for observer in self._observers:
            observer.join(deadline)


def _end(process: subprocess.Popen[bytes]) -> None:
    kill_group(process.pid)
    process.kill()
    process.wait()
    if process.stdin is not None:
        with contextlib.suppress(OSError):
            process.stdin.close()
