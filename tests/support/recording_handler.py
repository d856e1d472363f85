"""A session handler that writes down what it is told, for tests of sessions."""

from __future__ import annotations

import threading
from typing import Any, TypeVar

from studio_worker_core.session import HandlerFrame, Outlet, SessionHandler
from studio_worker_core.wire.capabilities import FEATURES, Capabilities
from studio_worker_core.wire.frames import LogEntry
from studio_worker_core.wire.tasks import TaskKind

F = TypeVar("F")


def sample_capabilities() -> Capabilities:
    """Capabilities of a made-up worker that serves the synthetic images."""
    return Capabilities(
        machine_name="box",
        username="someone",
        agent_version="0.0.0",
        engine="multi",
        vram_total_gb=0.0,
        vram_threshold_gb=8.0,
        auto_enabled=True,
        auto_start=False,
        supported_models=["synthetic"],
        task_kinds=[TaskKind.IMAGE],
        supported_models_per_kind={TaskKind.IMAGE: ["synthetic"]},
        features=list(FEATURES),
    )


class RecordingHandler(SessionHandler):
    """Keeps every call as ``(name, argument)`` in :attr:`events`, in order; a frame is kept
    under its type."""

    def __init__(self) -> None:
        self.events: list[tuple[str | type, Any]] = []
        self.session: Outlet | None = None
        """The session that said something last."""
        self.job: str | None = None
        self.unfinished: list[str] = []
        self.logs: list[LogEntry] = []
        """What :meth:`take_logs` hands out; unsent entries come back to its front."""
        self._changed = threading.Condition()

    def add_log(self, *messages: str) -> None:
        """Have more entries ready to be shipped."""
        with self._changed:
            self.logs += [
                LogEntry("2026-01-01T00:00:00Z", "info", "test", message) for message in messages
            ]

    def of(self, name: str) -> list[Any]:
        """The arguments of all calls of that name so far."""
        with self._changed:
            return [argument for called, argument in self.events if called == name]

    def wait_for(self, name: str, count: int = 1, timeout: float = 60.0) -> Any:
        """The argument of the ``count``-th such call, waiting for it."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self.of(name)) >= count, timeout):
                raise TimeoutError(f"no {name} number {count}; so far: {self.events}")
            return self.of(name)[count - 1]

    def frames(self, kind: type[F]) -> list[F]:
        """All frames of that type so far."""
        with self._changed:
            return [frame for called, frame in self.events if called is kind]

    def wait_frame(self, kind: type[F], count: int = 1, timeout: float = 60.0) -> F:
        """The ``count``-th frame of that type, waiting for it."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self.frames(kind)) >= count, timeout):
                raise TimeoutError(f"no {kind.__name__} number {count}; so far: {self.events}")
            return self.frames(kind)[count - 1]

    def capabilities(self) -> Capabilities:
        return sample_capabilities()

    def current_job_id(self) -> str | None:
        return self.job

    def heartbeat_sent(self) -> None:
        self._note("heartbeat_sent", None)

    def unfinished_jobs(self) -> list[str]:
        return list(self.unfinished)

    def take_logs(self, limit: int) -> list[LogEntry]:
        with self._changed:
            taken, self.logs = self.logs[:limit], self.logs[limit:]
        if taken:
            self._note("take_logs", taken)
        return taken

    def put_back_logs(self, entries: list[LogEntry]) -> None:
        with self._changed:
            self.logs = [*entries, *self.logs]
        self._note("put_back_logs", entries)

    def on_frame(self, session: Outlet, frame: HandlerFrame) -> None:
        self._note(type(frame), frame, session)

    def on_closed(self, session: Outlet) -> None:
        self._note("on_closed", session.number, session)

    def _note(self, name: str | type, argument: Any, session: Outlet | None = None) -> None:
        with self._changed:
            self.session = session or self.session
            self.events.append((name, argument))
            self._changed.notify_all()
