"""A studio as they are in the field: it knows the worker's endpoints and frames, none of our
extensions, and drops the connection on what it does not know (protocol §2 to §4)."""

from __future__ import annotations

import asyncio
import json
import threading
from collections import deque
from typing import Any, Literal

import uvicorn
from starlette.applications import Starlette
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from studio_worker_studio.server import listen

ENGINES = frozenset(
    {"sd-cpp", "llama-cpp", "onnx", "parakeet", "onnx-vision", "torch", "synthetic"}
)
FRAMES: dict[str, frozenset[str]] = {
    "hello": frozenset({"authToken", "capabilities"}),
    "heartbeat": frozenset({"capabilities"}),
    "accept": frozenset({"jobId"}),
    "reject": frozenset({"jobId", "reason"}),
    "completeJson": frozenset({"jobId", "result"}),
    "fail": frozenset({"jobId", "error", "retryable"}),
    "logBatch": frozenset({"entries"}),
}
"""What it reads, and the keys that each must have."""

TOKEN = "token-of-an-existing-studio"

Loss = Literal["close without a code", "no close"]
"""How a session ends without a word."""


class ExistingStudio:
    """Served by a thread. ``jobs`` are claims to offer, one at a time; ``done`` has what came of
    each; ``said_first`` are frames sent at the next welcome, before any offer. ``losses`` are
    jobs whose session is lost once they are accepted: they are given to others at once.
    ``answers`` are the first answers to the uploads of a job; ``uploads`` has a job id for each
    upload, ``asked`` counts registration requests."""

    def __init__(self, *, polls_before_approval: int = 1) -> None:
        self.jobs: deque[dict[str, Any]] = deque()
        self.done: dict[str, dict[str, Any]] = {}
        self.violations: list[str] = []
        self.said_first: deque[dict[str, Any]] = deque()
        self.losses: dict[str, Loss] = {}
        self.answers: dict[str, list[Response]] = {}
        self.uploads: list[str] = []
        self.asked = 0
        self.sessions = 0
        self.logs: list[dict[str, Any]] = []
        self.sound = b""
        self._polls_left = polls_before_approval
        self._held: dict[str, Any] | None = None
        socket = listen("127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{socket.getsockname()[1]}/"
        api = "/graphics/api/workers"
        app = Starlette(
            routes=[
                Route(f"{api}/register-request", self._asked, methods=["POST"]),
                Route(f"{api}/register-requests/rr-1", self._polled),
                Route(f"{api}/w-1/jobs/{{job}}/complete", self._delivered, methods=["POST"]),
                WebSocketRoute(f"{api}/w-1/connect", self._session),
                Route("/sound.wav", self._sound),
            ]
        )
        config = uvicorn.Config(app, log_config=None, ws_ping_interval=None, lifespan="off")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=lambda: self._server.run(sockets=[socket]))

    def __enter__(self) -> ExistingStudio:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._server.force_exit = True
        self._thread.join()

    async def _asked(self, request: Request) -> Response:
        self.asked += 1
        body = await request.json()
        if set(body) < {"installId", "registrationSecretHash", "capabilities", "userAgent"}:
            self.violations.append(f"register request with {sorted(body)}")
        return JSONResponse({"requestId": "rr-1", "status": "pending"})

    async def _polled(self, request: Request) -> Response:
        if self._polls_left > 0:
            self._polls_left -= 1
            return JSONResponse({"status": "pending"})
        return JSONResponse({"status": "approved", "workerId": "w-1", "authToken": TOKEN})

    async def _sound(self, request: Request) -> Response:
        return Response(self.sound, media_type="audio/wav")

    async def _delivered(self, request: Request) -> Response:
        job_id = request.path_params["job"]
        self.uploads.append(job_id)
        if not self._holds(job_id):
            return JSONResponse({"error": "not claimed"}, 409)
        planned = self.answers.get(job_id)
        answer = planned.pop(0) if planned else Response(status_code=204)
        if answer.status_code == 409:
            self._held = None
        if answer.status_code >= 400:
            return answer
        async with request.form() as form:
            fields = {key: value for key, value in form.items() if isinstance(value, str)}
            file = form["image"]
            assert isinstance(file, UploadFile)
            self.done[job_id] = {
                **fields,
                "filename": file.filename,
                "mime": file.content_type,
                "bytes": await file.read(),
            }
        self._held = None
        return answer

    def _holds(self, job_id: str) -> bool:
        return self._held is not None and self._held["jobId"] == job_id

    async def _session(self, socket: WebSocket) -> None:
        if socket.headers.get("authorization") != f"Bearer {TOKEN}":
            await socket.close(4001)
            return
        await socket.accept("studio-worker-v1")
        self.sessions += 1
        try:
            await self._converse(socket)
        except (WebSocketDisconnect, RuntimeError):
            pass
        finally:
            if self._held is not None:  # it resumes nothing
                self.jobs.appendleft(self._held)
                self._held = None

    async def _converse(self, socket: WebSocket) -> None:
        capabilities: dict[str, Any] = {}
        while True:
            try:
                text = await asyncio.wait_for(socket.receive_text(), 0.05)
            except TimeoutError:
                await self._offer(socket, capabilities)
                continue
            frame = json.loads(text)
            kind, job_id = frame.get("type"), frame.get("jobId")
            known = kind in FRAMES and FRAMES[kind] <= frame.keys()
            if not known or (job_id is not None and not self._holds(job_id)):
                self.violations.append(text[:300])
                await socket.close(4002)
                return
            capabilities = frame.get("capabilities", capabilities)
            loss = self.losses.pop(job_id, None) if kind == "accept" else None
            if loss is not None:
                self._held = None
                if loss == "close without a code":
                    await socket.send({"type": "websocket.close", "code": None})
                return
            await self._answer(socket, kind, frame)

    async def _answer(self, socket: WebSocket, kind: str, frame: dict[str, Any]) -> None:
        match kind:
            case "hello":
                await self._say(socket, type="welcome", workerId="w-1", serverTime="now")
                while self.said_first:
                    await self._say(socket, **self.said_first.popleft())
            case "heartbeat":
                await self._say(socket, type="heartbeatAck")
            case "completeJson":
                self.done[frame["jobId"]] = frame
                self._held = None
                await self._say(socket, type="completeAck", jobId=frame["jobId"])
            case "fail":
                self.done[frame["jobId"]] = frame
                self._held = None
                await self._say(socket, type="failAck", jobId=frame["jobId"])
            case "reject":
                held, self._held = self._held, None
                assert held is not None
                self.jobs.append(held)
            case "logBatch":
                self.logs += frame["entries"]

    async def _offer(self, socket: WebSocket, capabilities: dict[str, Any]) -> None:
        named = set(capabilities.get("modelEngines", ())) & ENGINES
        for claim in self.jobs if self._held is None else ():
            if claim["modelSource"]["engine"] in named:
                self.jobs.remove(claim)
                self._held = claim
                await self._say(socket, type="offer", claim=claim)
                return

    @staticmethod
    async def _say(socket: WebSocket, **frame: Any) -> None:
        await socket.send_text(json.dumps(frame))
