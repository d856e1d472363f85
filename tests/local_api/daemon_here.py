"""The routes of the daemon in this process, on a real port: a real board, log and memory, and
no worker around them."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, cast

import requests
from msgspec import Struct

from studio_worker_core.config import ConfigStore, InputLimits
from studio_worker_core.jobs.job import Job, Source
from studio_worker_core.jobs.slots import Slots
from studio_worker_core.local_api.api import Api, Names
from studio_worker_core.local_api.app import build_app
from studio_worker_core.local_api.events import EventRoutes, Pace
from studio_worker_core.local_api.listening import LocalServer, bind, url_of
from studio_worker_core.local_api.original.daemon_routes import DaemonRoutes
from studio_worker_core.local_api.work import LocalJobs
from studio_worker_core.wire.frames import LogEntry
from studio_worker_core.wire.models import ModelSource
from studio_worker_core.wire.tasks import ImageTask
from studio_worker_core.worker.changes import Changes
from studio_worker_core.worker.daemon import Levers, Sights, WorkerDaemon
from studio_worker_core.worker.job_memory import JobMemory
from studio_worker_core.worker.log_ring import LogRing
from studio_worker_core.worker.status import StatusBoard

TOKEN = "token-of-a-test"
SIGNED = {"authorization": f"Bearer {TOKEN}"}


class DaemonHere:
    """A context manager."""

    def __init__(
        self,
        root: Path,
        pace: Pace | None = None,
        *,
        gpu: Callable[[], None] = lambda: None,
    ) -> None:
        (root / "config.toml").write_text('api_base_url = "http://127.0.0.1:9/"\n', "utf-8")
        self.changes = Changes()
        self.board = StatusBoard()
        self.board.ring(self.changes.ring)
        self.memory = JobMemory(self.changes.ring)
        self.log = LogRing(self.changes.ring)
        self.paused = False
        self.stopped = threading.Event()
        sights = Sights(
            board=self.board,
            slots=Slots(),
            jobs=self.memory,
            logs=self.log,
            changes=self.changes,
            paused=lambda: self.paused,
            heartbeat=lambda: None,
            gpu=gpu,
            url=lambda: self.url,
        )
        self.daemon = WorkerDaemon(
            ConfigStore(root / "config.toml"), sights, Levers(self._pause, self.stopped.set)
        )
        api = Api(cast("LocalJobs", None), Names, limits=InputLimits)
        routes = [
            *DaemonRoutes(self.daemon).routes(),
            *EventRoutes(self.daemon, pace).routes(),
        ]
        listener = bind(0)
        self.url = url_of(listener)
        self.server = LocalServer(
            listener, lambda: build_app(api, lambda: TOKEN, lambda: {"ok": True}, routes)
        )
        self._thread = threading.Thread(target=self.server.run)

    def say(self, text: str) -> None:
        """One more line of the log."""
        self.log.add(LogEntry("2026-01-01T00:00:00Z", "info", "test", text))

    def job(self, job_id: str, source: Source = Source.STUDIO) -> Job:
        """A job that begins now."""
        task = ImageTask(prompt="a fox")
        job = Job(job_id, source, model="m", task=task, model_source=ModelSource("toy"))
        self.memory.started(job)
        return job

    def get(self, path: str) -> requests.Response:
        """One answer."""
        return requests.get(f"{self.url}{path}", headers=SIGNED, timeout=120)

    def follow(self, path: str = "/daemon/events", **headers: str) -> Following:
        """A client of the events."""
        return Following(f"{self.url}{path}", headers)

    def _pause(self, paused: bool) -> None:
        self.paused = paused

    def __enter__(self) -> DaemonHere:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.changes.close()
        self.server.stop()
        self._thread.join(60)
        assert not self._thread.is_alive()


class Event(Struct, frozen=True):
    """One server-sent event, or a comment (without a name)."""

    name: str
    data: Any
    id: str | None = None


class Following:
    """Reads events one after another; a context manager."""

    def __init__(self, url: str, headers: dict[str, str] | None = None) -> None:
        self.answer = requests.get(
            url, headers={**SIGNED, **(headers or {})}, stream=True, timeout=120
        )
        self._lines = self.answer.iter_lines(chunk_size=None)

    def __enter__(self) -> Following:
        return self

    def __exit__(self, *_: object) -> None:
        self.answer.close()

    def __iter__(self) -> Iterator[Event]:
        return self

    def __next__(self) -> Event:
        fields: dict[str, str] = {}
        for line in self._lines:
            if not line:
                data = json.loads(fields["data"]) if "data" in fields else None
                return Event(fields.get("event", ""), data, fields.get("id"))
            name, _, value = line.decode("utf-8").partition(": ")
            fields[name] = value
        raise StopIteration

    def until(self, name: str) -> Event:
        """The next event of that name, passing by others."""
        return next(event for event in self if event.name == name)
