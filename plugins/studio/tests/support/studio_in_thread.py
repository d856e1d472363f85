"""A real studio on a real port, in a thread of the test's process."""

from __future__ import annotations

import hashlib
import itertools
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import requests

from plugins.studio.tests.support.field_worker import CAPABILITIES, FieldWorker
from studio_worker_studio.clocks import Clocks
from studio_worker_studio.server import StudioServer, listen
from studio_worker_studio.settings import Settings
from studio_worker_studio.studio import Studio
from tests.support.waiting import eventually

__all__ = ["CHAT", "PICTURE", "Holding", "MakeStudio", "ShiftedClocks", "StudioInThread"]

PICTURE = {"kind": "image", "prompt": "a boat"}
CHAT = {"kind": "llm", "messages": [{"role": "user", "content": "hello"}]}


class ShiftedClocks:
    """Clocks that stand until a test puts them forward: what a busy machine needs for its
    steps is no time that passed for the studio."""

    def __init__(self) -> None:
        self.shift = 0.0
        self.wall_shift = 0.0
        """Of the wall clock alone, which may be set at any time."""
        now, wall = time.monotonic(), time.time()
        self.clocks = Clocks(
            now=lambda: now + self.shift,
            wall=lambda: wall + self.shift + self.wall_shift,
        )


class StudioInThread:
    """A real server on a real port, in a thread of this process."""

    def __init__(self, data: Path, **settings: Any) -> None:
        self.time = ShiftedClocks()
        self.settings = Settings(data=data, sweep_seconds=0.02, **settings)
        self._installs = itertools.count()
        self.url = self.base = self.token = ""
        self.studio: Studio
        self._server: StudioServer | None = None

    def start(self) -> None:
        self.studio, _ = Studio.open(self.settings, clocks=self.time.clocks)
        self.token = self.settings.operator_token_file.read_text().strip()
        socket = listen("127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{socket.getsockname()[1]}/"
        self.base = self.url + "graphics/api"
        started = threading.Event()
        self._server = StudioServer(self.studio, on_started=started.set)
        run = self._server.run
        self._thread = threading.Thread(target=lambda: run(sockets=[socket]))
        self._thread.start()
        assert started.wait(60)

    def stop(self) -> None:
        if self._server is not None:
            self._server.should_exit = True
            self._thread.join(60)
            assert not self._thread.is_alive()
            self._server = None

    def restart(self) -> None:
        self.stop()
        self.start()

    def raw(self, method: str, path: str, **options: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.token}", **options.pop("headers", {})}
        return requests.request(method, self.base + path, headers=headers, timeout=60, **options)

    def call(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.raw(method, path, json=body)
        assert answer.ok, answer.text
        return answer.json() if answer.content else None

    def submit(self, task: dict[str, Any] = PICTURE, **more: Any) -> str:
        body = {"model": "synthetic", "task": task, **more}
        return str(self.call("POST", "/jobs", body)["jobId"])

    def job(self, job_id: str) -> dict[str, Any]:
        found: dict[str, Any] = self.call("GET", f"/jobs/{job_id}")
        return found

    def wait_state(self, job_id: str, state: str) -> dict[str, Any]:
        return eventually(
            f"{job_id} {state}",
            lambda: job if (job := self.job(job_id))["state"] == state else None,
        )

    def wait_sweep(self) -> None:
        """Until every session's refusals were looked at again."""
        eventually(
            "no refusals",
            lambda: not any(s.view().refused for s in list(self.studio.fleet.sessions.values())),
        )

    def wait_sweeps(self, count: int) -> None:
        """Until the studio has looked for lapses so many times more."""
        wanted = self.studio.fleet.sweeps + count
        eventually(f"{count} sweeps", lambda: self.studio.fleet.sweeps >= wanted)

    def wait_worker(self, worker_id: str, state: str) -> None:
        eventually(
            f"{worker_id} {state}",
            lambda: self.call("GET", f"/workers/{worker_id}")["state"] == state,
        )

    def ask(self, install: str, secret: str, **more: Any) -> requests.Response:
        return requests.post(
            self.base + "/workers/register-request",
            json={**self.request_body(install, secret), **more},
            timeout=60,
        )

    def request_body(self, install: str, secret: str) -> dict[str, Any]:
        return {
            "installId": install,
            "registrationSecretHash": hashlib.sha256(secret.encode()).hexdigest(),
            "capabilities": CAPABILITIES,
            "userAgent": "studio-worker/0.1.0",
        }

    def poll(self, request_id: str, secret: str) -> requests.Response:
        return requests.get(
            f"{self.base}/workers/register-requests/{request_id}",
            headers={"Authorization": f"Bearer {secret}"},
            timeout=60,
        )

    def new_worker(self, **request: Any) -> FieldWorker:
        """Registered and approved; ``request`` is put over the body of its request."""
        number = next(self._installs)
        secret = f"{number:064x}"
        request_id = self.ask(f"install-{number}", secret, **request).json()["requestId"]
        self.call("POST", f"/workers/pending/{request_id}/approve")
        approved = self.poll(request_id, secret).json()
        return FieldWorker(self.base, approved["workerId"], approved["authToken"])

    def new_worker_unlimited(self) -> FieldWorker:
        """One more worker, past the limit of registrations a minute."""
        self.studio.registration_limit._seen.clear()
        return self.new_worker()


MakeStudio = Callable[..., StudioInThread]
"""Starts a studio with these settings, in ``directory`` below the test's own."""


class Holding(NamedTuple):
    """A studio, a worker in a session, and the job that it holds."""

    studio: StudioInThread
    worker: FieldWorker
    job_id: str
