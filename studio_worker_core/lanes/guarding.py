"""The worker's side of the guard process (see :mod:`studio_worker_core.processes.guard`)."""

from __future__ import annotations

import contextlib
import logging
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

from studio_worker_core.processes import guard
from studio_worker_core.processes.environment import plugin_environment

_log = logging.getLogger("studio_worker.lanes.guarding")

_END_SECONDS = 5.0
_WELL_SECONDS = 10.0
_LONGEST_PAUSE = 30.0


class Guard:
    """Keeps a guard process running from the first lane to :meth:`close`, and informed of the
    lanes. One that dies is replaced at once; one that keeps dying, after growing pauses."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lanes: dict[int, str] = {}
        self._process: subprocess.Popen[bytes] | None = None
        self._usable = os.name == "posix" and Path(guard.__file__).is_file()
        self._closed = threading.Event()
        self._watcher: threading.Thread | None = None

    @property
    def pid(self) -> int | None:
        """Process id of the guard; None before the first lane."""
        with self._lock:
            return self._process.pid if self._process is not None else None

    def added(self, pid: int, token: str) -> None:
        """A lane's process group has started."""
        with self._lock:
            self._lanes[pid] = token
            self._tell(f"+ {pid} {token}\n")

    def removed(self, pid: int) -> None:
        """A lane's process group is gone."""
        with self._lock:
            if self._lanes.pop(pid, None) is not None:
                self._tell(f"- {pid}\n")

    def close(self) -> None:
        """End the guard process."""
        with self._lock:
            self._usable = False
            self._closed.set()
            process, self._process = self._process, None
            watcher = self._watcher
        if process is not None:
            _end(process)
        if watcher is not None:
            watcher.join()

    def _tell(self, line: str) -> None:
        if not self._usable:
            return
        try:
            if self._process is None:
                self._start()
            else:
                self._write(line)
        except BrokenPipeError:
            return  # it died; the watcher replaces it and tells the new one of every lane
        except (OSError, RuntimeError) as error:
            # Lanes still end with the worker; only what they started might not.
            _log.warning("the guard of engine processes cannot be reached: %s", error)

    def _start(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", guard.__file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=plugin_environment(),
            start_new_session=True,
        )
        if self._watcher is None:
            self._watcher = threading.Thread(target=self._watch, name="lane-guard", daemon=True)
            self._watcher.start()
        self._write("".join(f"+ {pid} {token}\n" for pid, token in self._lanes.items()))

    def _write(self, text: str) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(text.encode())
        self._process.stdin.flush()

    def _watch(self) -> None:
        pause = 0.0
        while not self._closed.is_set():
            started = time.monotonic()
            with self._lock:
                process = self._process
            if process is not None:
                process.wait()
            if self._closed.is_set():
                return
            if time.monotonic() - started > _WELL_SECONDS:
                pause = 0.0
            _log.warning("the guard of engine processes ended; it is replaced")
            if self._closed.wait(pause):
                return
            pause = min(max(1.0, pause * 2), _LONGEST_PAUSE)
            self._replace(process)

    def _replace(self, old: subprocess.Popen[bytes] | None) -> None:
        with self._lock:
            if not self._usable:
                return
            if old is not None and old.stdin is not None:
                with contextlib.suppress(OSError):
                    old.stdin.close()
            try:
                self._start()
            except OSError as error:
                _log.warning("the guard of engine processes cannot be started: %s", error)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Close its input, which ends it, and reap it."""
    assert process.stdin is not None
    with contextlib.suppress(OSError):
        process.stdin.close()
    try:
        process.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
