"""Starting engine processes, all from one thread that lives as long as the worker."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future

from studio_worker_core.lanes.guarding import Guard
from studio_worker_core.lanes.process import EngineProcess, Heard, ProcessGone


class Spawner:
    """Starts engine processes and keeps the guard informed of them.

    On Linux a child dies with the *thread* that started it (``PR_SET_PDEATHSIG``), so no job
    thread may start one. Close it after all its processes are gone.
    """

    def __init__(self) -> None:
        self._orders: queue.Queue[Callable[[], None] | None] = queue.Queue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._guard = Guard()
        self._closed = False

    def start(
        self,
        engine: str,
        heard: Callable[[Heard], None],
        *,
        interpreter: str | None = None,
        environment: Mapping[str, str],
    ) -> EngineProcess:
        """Start a process for an engine; see :class:`EngineProcess`.

        Raises:
            OSError: the system cannot start one (no memory, too many processes).
        """
        future: Future[EngineProcess] = Future()

        def order() -> None:
            try:
                future.set_result(self._started(engine, heard, interpreter, environment))
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
        self,
        engine: str,
        heard: Callable[[Heard], None],
        interpreter: str | None,
        environment: Mapping[str, str],
    ) -> EngineProcess:
        known = threading.Event()
        pid = 0

        def heard_by_guard(what: Heard) -> None:
            if isinstance(what, ProcessGone):
                known.wait()
                self._guard.removed(pid)
            heard(what)

        try:
            process = EngineProcess(
                engine, heard_by_guard, interpreter=interpreter, environment=environment
            )
            pid = process.pid
            self._guard.added(pid, process.token)
        finally:
            known.set()
        return process

    def _work(self) -> None:
        while (order := self._orders.get()) is not None:
            order()
