from __future__ import annotations

import hashlib
import itertools
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from studio_worker_studio.clocks import Clocks
from studio_worker_studio.server import StudioServer, listen
from studio_worker_studio.settings import Settings
from studio_worker_studio.studio import Studio

CAPABILITIES: dict[str, Any] = {
    "machineName": "box",
    "username": "ada",
    "agentVersion": "0.1.0",
    "engine": "multi",
    "vramTotalGb": 16.0,
    "vramThresholdGb": 8.0,
    "autoEnabled": True,
    "autoStart": False,
    "supportedModels": ["synthetic"],
    "taskKinds": ["image", "llm", "audio_stt", "audio_tts", "video"],
    "supportedModelsPerKind": {
        kind: ["synthetic"] for kind in ("image", "llm", "audio_stt", "audio_tts", "video")
    },
    "extensions": {"qoi": "image/qoi"},
    "features": ["cancel", "progress", "resume"],
}
PICTURE = {"kind": "image", "prompt": "a boat"}
CHAT = {"kind": "llm", "messages": [{"role": "user", "content": "hello"}]}


def eventually(what: str, probe: Callable[[], Any], timeout: float = 15.0) -> Any:
    deadline = time.monotonic() + timeout
    pause = threading.Event()
    while not (answer := probe()):
        assert time.monotonic() < deadline, f"not in time: {what}"
        pause.wait(0.01)
    return answer


class ShiftedClocks:
    """Real clocks that a test can put forward."""

    def __init__(self) -> None:
        self.shift = 0.0
        self.clocks = Clocks(
            now=lambda: time.monotonic() + self.shift, wall=lambda: time.time() + self.shift
        )


class FieldWorker:
    """A scripted worker: literal JSON frames over a real socket."""

    def __init__(self, base: str, worker_id: str, token: str) -> None:
        self.base = base
        self.worker_id = worker_id
        self.token = token
        self.headers = {"Authorization": f"Bearer {token}"}
        self.capabilities = dict(CAPABILITIES)
        self.socket: ClientConnection

    @contextmanager
    def connected(self) -> Iterator[FieldWorker]:
        url = f"{self.base}/workers/{self.worker_id}/connect".replace("http", "ws", 1)
        with connect(
            url,
            subprotocols=["studio-worker-v1"],  # type: ignore[list-item]
            additional_headers=self.headers,
            compression=None,
        ) as socket:
            self.socket = socket
            yield self

    @contextmanager
    def session(self, *unfinished: str, **capabilities: Any) -> Iterator[FieldWorker]:
        self.capabilities = {**CAPABILITIES, **self.capabilities, **capabilities}
        with self.connected():
            self.hello(*unfinished)
            yield self

    def hello(self, *unfinished: str, token: str | None = None) -> dict[str, Any]:
        self.send(
            "hello",
            authToken=token or self.token,
            capabilities=self.capabilities,
            unfinishedJobs=list(unfinished),
        )
        return self.expect("welcome")

    def send(self, kind: str, **fields: Any) -> None:
        self.socket.send(json.dumps({"type": kind, **fields}))

    def recv(self, timeout: float = 10.0) -> dict[str, Any]:
        frame = json.loads(self.socket.recv(timeout=timeout))
        assert isinstance(frame, dict)
        return frame

    def expect(self, kind: str) -> dict[str, Any]:
        frame = self.recv()
        assert frame["type"] == kind, frame
        return frame

    def heartbeat(self, current: str | None = None, **capabilities: Any) -> None:
        self.capabilities = {**self.capabilities, **capabilities}
        frame: dict[str, Any] = {"capabilities": self.capabilities}
        if current is not None:
            frame["currentJobId"] = current
        self.send("heartbeat", **frame)
        self.expect("heartbeatAck")

    def take_offer(self) -> str:
        job_id = str(self.expect("offer")["claim"]["jobId"])
        self.send("accept", jobId=job_id)
        return job_id

    def expect_silence(self) -> None:
        """Nothing was sent before the answer to a frame that is sent now. ``progress`` for a
        job we do not hold gets no answer, so a ping is used: the server answers in order."""
        assert self.socket.ping().wait(10)
        with pytest.raises(TimeoutError):
            self.socket.recv(timeout=0.05)

    def expect_close(self) -> int:
        try:
            while True:
                self.socket.recv(timeout=10)
        except ConnectionClosed as closed:
            frame = closed.rcvd
        assert frame is not None
        return int(frame.code)

    def complete(
        self,
        job_id: str,
        data: bytes = b"picture",
        *,
        ext: str = "png",
        mime: str | None = "image/png",
        **more: Any,
    ) -> requests.Response:
        name = f"{job_id}.{ext}"
        return requests.post(
            f"{self.base}/workers/{self.worker_id}/jobs/{job_id}/complete",
            headers=self.headers,
            data={"prompt": "a boat", "ext": ext},
            files={"image": (name, data, mime) if mime else (name, data)},
            timeout=30,
            **more,
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
        assert started.wait(20)

    def stop(self) -> None:
        if self._server is not None:
            self._server.should_exit = True
            self._thread.join(30)
            assert not self._thread.is_alive()
            self._server = None

    def restart(self) -> None:
        self.stop()
        self.start()

    def raw(self, method: str, path: str, **options: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.token}", **options.pop("headers", {})}
        return requests.request(method, self.base + path, headers=headers, timeout=30, **options)

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
        found: dict[str, Any] = eventually(
            f"{job_id} {state}",
            lambda: job if (job := self.job(job_id))["state"] == state else None,
        )
        return found

    def wait_sweep(self) -> None:
        """Until every session's refusals were looked at again."""
        eventually(
            "no refusals",
            lambda: not any(s.view().refused for s in list(self.studio.fleet.sessions.values())),
        )

    def wait_worker(self, worker_id: str, state: str) -> None:
        eventually(
            f"{worker_id} {state}",
            lambda: self.call("GET", f"/workers/{worker_id}")["state"] == state,
        )

    def ask(self, install: str, secret: str, **more: Any) -> requests.Response:
        return requests.post(
            self.base + "/workers/register-request",
            json={
                "installId": install,
                "registrationSecretHash": hashlib.sha256(secret.encode()).hexdigest(),
                "capabilities": CAPABILITIES,
                "userAgent": "studio-worker/0.1.0",
                **more,
            },
            timeout=30,
        )

    def poll(self, request_id: str, secret: str) -> requests.Response:
        return requests.get(
            f"{self.base}/workers/register-requests/{request_id}",
            headers={"Authorization": f"Bearer {secret}"},
            timeout=30,
        )

    def new_worker(self) -> FieldWorker:
        number = next(self._installs)
        secret = f"{number:064x}"
        request_id = self.ask(f"install-{number}", secret).json()["requestId"]
        self.call("POST", f"/workers/pending/{request_id}/approve")
        approved = self.poll(request_id, secret).json()
        return FieldWorker(self.base, approved["workerId"], approved["authToken"])


@pytest.fixture
def make_studio(tmp_path: Path) -> Iterator[Callable[..., StudioInThread]]:
    with ExitStack() as stack:

        def make(**settings: Any) -> StudioInThread:
            studio = StudioInThread(tmp_path / "studio", **settings)
            studio.start()
            stack.callback(studio.stop)
            return studio

        yield make


@pytest.fixture
def studio(make_studio: Callable[..., StudioInThread]) -> StudioInThread:
    return make_studio()


@pytest.fixture
def make_field_worker() -> Callable[..., FieldWorker]:
    """Registers a worker with a studio that lets everybody in."""

    def make(base: str) -> FieldWorker:
        secret = "ab" * 32
        asked = requests.post(
            base + "/workers/register-request",
            json={
                "installId": "one",
                "registrationSecretHash": hashlib.sha256(secret.encode()).hexdigest(),
                "capabilities": CAPABILITIES,
                "userAgent": "studio-worker/0.1.0",
            },
            timeout=30,
        ).json()
        approved = requests.get(
            f"{base}/workers/register-requests/{asked['requestId']}",
            headers={"Authorization": f"Bearer {secret}"},
            timeout=30,
        ).json()
        return FieldWorker(base, approved["workerId"], approved["authToken"])

    return make
