"""A worker that a test writes frame by frame."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import requests
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from studio_worker_core.wire.bounds import MAX_FRAME_BYTES

__all__ = ["CAPABILITIES", "FieldWorker"]

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
            subprotocols=[Subprotocol("studio-worker-v1")],
            additional_headers=self.headers,
            compression=None,
            max_size=MAX_FRAME_BYTES,
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

    def recv(self, timeout: float = 60.0) -> dict[str, Any]:
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
        assert self.socket.ping().wait(60)
        with pytest.raises(TimeoutError):
            self.socket.recv(timeout=0.05)

    def expect_close(self) -> int:
        try:
            while True:
                self.socket.recv(timeout=60)
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
        meta: str | bytes | None = None,
        **more: Any,
    ) -> requests.Response:
        name = f"{job_id}.{ext}"
        return requests.post(
            f"{self.base}/workers/{self.worker_id}/jobs/{job_id}/complete",
            headers=self.headers,
            data={"prompt": "a boat", "ext": ext, "generationMeta": meta},
            files={"image": (name, data, mime) if mime else (name, data)},
            timeout=60,
            **more,
        )
