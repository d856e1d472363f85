"""Starting engine processes, all from one thread that lives as long as the worker."""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path

from studio_worker_core.engines import guard
from studio_worker_core.engines.process import EngineProcess, Gone, Heard

__all__ = ["Spawner"]

_log = logging.getLogger("studio_worker.engines.spawner")

_GUARD_SECONDS = 5.0


class Spawner:
    """Starts engine processes and keeps the guard informed of them.

    On Linux a child dies with the *thread* that started it (``PR_SET_PDEATHSIG``), so no job
    thread may start one. Close it after all its processes are gone.
    """

    def __init__(self) -> None:
        self._orders: queue.Queue[Callable[[], None] | None] = queue.Queue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._guard = _Guard()
        self._closed = False

    def start(
        self, engine: str, heard: Callable[[Heard], None], interpreter: str | None = None
    ) -> EngineProcess:
        """Start a process for an engine, under ``interpreter`` if it has one of its own.

        Raises:
            OSError: the system cannot start one (no memory, too many processes).
        """
        future: Future[EngineProcess] = Future()

        def order() -> None:
            try:
                future.set_result(self._started(engine, heard, interpreter))
            except Exception as error:  # whatever it is belongs to the caller's thread
                future.set_exception(error)

        with self._lock:
            if self._closed:
                raise OSError("the worker is shutting down")
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="lane-spawner", daemon=True)
                self._thread.start()
            self._orders.put(order)
        return future.result()

    def close(self) -> None:
        """End the thread and the guard."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._orders.put(None)
            thread = self._thread
        if thread is not None:
            thread.join()
        self._guard.close()

    def _started(
        self, engine: str, heard: Callable[[Heard], None], interpreter: str | None
    ) -> EngineProcess:
        known = threading.Event()
        pid = 0

        def heard_by_guard(what: Heard) -> None:
            if isinstance(what, Gone):
                known.wait()
                self._guard.removed(pid)
            heard(what)

        try:
            process = EngineProcess(engine, heard_by_guard, interpreter=interpreter)
            pid = process.pid
            self._guard.added(pid, process.token)
        finally:
            known.set()
        return process

    def _work(self) -> None:
        while (order := self._orders.get()) is not None:
            order()


class _Guard:
    """The guard process (see :mod:`.guard`); started with the first lane."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lanes: dict[int, str] = {}
        self._process: subprocess.Popen[bytes] | None = None
        self._usable = os.name == "posix" and Path(guard.__file__).is_file()

    def added(self, pid: int, token: str) -> None:
        with self._lock:
            self._lanes[pid] = token
            self._tell(f"+ {pid} {token}\n")

    def removed(self, pid: int) -> None:
        with self._lock:
            if self._lanes.pop(pid, None) is not None:
                self._tell(f"- {pid}\n")

    def close(self) -> None:
        with self._lock:
            self._usable = False
            process, self._process = self._process, None
        if process is not None:
            _ended(process)

    def _tell(self, line: str) -> None:
        if not self._usable:
            return
        try:
            if self._process is None or self._process.poll() is not None:
                self._restart()
            else:
                self._write(line)
        except OSError as error:
            # Lanes still end with the worker; only what they started might not.
            _log.warning("the guard of engine processes cannot be reached: %s", error)

    def _restart(self) -> None:
        if self._process is not None:
            _ended(self._process)
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", guard.__file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._write("".join(f"+ {pid} {token}\n" for pid, token in self._lanes.items()))

    def _write(self, text: str) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(text.encode())
        self._process.stdin.flush()


def _ended(process: subprocess.Popen[bytes]) -> None:
    """Close its input, which ends it, and reap it."""
    assert process.stdin is not None
    with contextlib.suppress(OSError):
        process.stdin.close()
    try:
        process.wait(_GUARD_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
