"""A studio as a script: it offers one job after the other and times what comes back."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

import msgspec

from bench.suite.door import Call, Door, Socket

TOKEN = "token-1"
WORKER = "worker-1"
_SECONDS = 120.0
_BUSY_SECONDS = 0.01


class JobFailed(Exception):
    """The worker did not do the job; the message is the worker's own."""


class Finished(msgspec.Struct, frozen=True):
    """How one job went, in seconds after its offer."""

    accepted: float
    ended: float
    """The result was there whole: its file uploaded, or its answer on the session."""
    result_bytes: int


class BenchStudio:
    """Listens on :attr:`url`; a context manager. Knows one worker, which is approved."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._door = Door(self._answer, self._hold)
        self._socket: Socket | None = None
        self._seen: dict[str, dict[str, tuple[float, Any]]] = {}
        self._numbers = itertools.count(1)
        self.sessions = 0
        """How many reached ``welcome``."""
        self.takes_files = True
        """Whether an upload is answered with success."""

    @property
    def url(self) -> str:
        """What a worker has as its ``api_base_url``."""
        return f"http://127.0.0.1:{self._door.port}/"

    def __enter__(self) -> Self:
        self._door.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._door.__exit__(kind, error, trace)

    def wait_session(self, number: int, seconds: float = _SECONDS) -> None:
        """Wait until so many sessions were welcomed. Raises TimeoutError."""
        self._wait(lambda: self.sessions >= number, seconds, "no session")

    def run(self, model: str, task: dict[str, Any], engine: str = "synthetic") -> Finished:
        """Have one job done; offered again while the worker is busy with the last one's end.

        Raises:
            JobFailed: it was rejected, or answered with ``fail``.
            TimeoutError: nothing came back.
        """
        deadline = time.monotonic() + _SECONDS
        while True:
            job_id, started = self._offer(model, task, engine)
            seen = self._seen[job_id]
            self._wait(lambda seen=seen: bool(seen.keys() & _ENDS), _SECONDS, f"no end of {task}")  # type: ignore[misc]
            if "reject" in seen and time.monotonic() < deadline:
                time.sleep(_BUSY_SECONDS)
                continue
            break
        for ending in ("reject", "fail"):
            if ending in seen:
                raise JobFailed(str(seen[ending][1]))
        ended, said = seen.get("uploaded") or seen["completeJson"]
        accepted = seen.get("accept", (ended, None))[0]
        return Finished(accepted - started, ended - started, said)

    def _offer(self, model: str, task: dict[str, Any], engine: str) -> tuple[str, float]:
        job_id = f"job-{next(self._numbers)}"
        claim = {
            "jobId": job_id,
            "gameId": "bench",
            "assetName": "bench/asset/one",
            "model": model,
            "vramGbEstimate": 0.0,
            "task": task,
            "modelSource": {
                "engine": engine,
                "files": [],
                "cliDefaults": {"cfgScale": 0.0, "steps": 0, "width": 0, "height": 0},
            },
        }
        with self._changed:
            self._seen[job_id] = {}
            socket = self._socket
        if socket is None:
            raise JobFailed("the worker has no session")
        text = msgspec.json.encode({"type": "offer", "claim": claim}).decode()
        started = time.perf_counter()
        socket.send(text)
        return job_id, started

    def _wait(self, until: Callable[[], bool], seconds: float, otherwise: str) -> None:
        with self._changed:
            if not self._changed.wait_for(until, seconds):
                raise TimeoutError(otherwise)

    def _note(self, job_id: str, what: str, said: Any) -> None:
        now = time.perf_counter()
        with self._changed:
            self._seen.setdefault(job_id, {})[what] = (now, said)
            self._changed.notify_all()

    # what a worker says

    def _answer(self, call: Call) -> tuple[int, bytes]:
        if call.method == "POST" and call.path.endswith("/complete"):
            if not self.takes_files:
                return 503, b"{}"
            self._note(call.path.split("/")[-2], "uploaded", len(call.body))
            return 200, b"{}"
        return 404, b"{}"

    def _hold(self, socket: Socket) -> None:
        try:
            socket.texts(lambda text: self._hear(socket, text))
        finally:
            with self._changed:
                if self._socket is socket:
                    self._socket = None

    def _hear(self, socket: Socket, text: str) -> None:
        frame = msgspec.json.decode(text)
        job_id = frame.get("jobId", "")
        match frame["type"]:
            case "hello":
                welcome = {"type": "welcome", "workerId": WORKER, "serverTime": _TIME}
                socket.send(msgspec.json.encode(welcome).decode())
                with self._changed:
                    self._socket = socket
                    self.sessions += 1
                    self._changed.notify_all()
            case "heartbeat":
                socket.send('{"type":"heartbeatAck"}')
            case "accept":
                self._note(job_id, "accept", None)
            case "reject":
                self._note(job_id, "reject", frame.get("reason"))
            case "completeJson":
                self._note(job_id, "completeJson", len(text))
                socket.send(msgspec.json.encode({"type": "completeAck", "jobId": job_id}).decode())
            case "fail":
                self._note(job_id, "fail", frame.get("error"))
                socket.send(msgspec.json.encode({"type": "failAck", "jobId": job_id}).decode())


_ENDS = frozenset({"uploaded", "completeJson", "fail", "reject"})
_TIME = "2026-01-01T00:00:00Z"
