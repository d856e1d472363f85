"""The studio's side of the WebSocket (protocol §3) as a script: it does what the test says.

:class:`ScriptedStudio` answers ``hello`` with ``welcome``, heartbeats with acks and
results with acks until it is told otherwise, keeps every frame it was sent, and can say
anything, valid or not::

    with ScriptedStudio() as studio:
        ...  # a worker connects to studio.url
        session = studio.session()
        session.send(Offer(claim))
        session.wait_for(Accept)
        session.close(CloseCode.DUPLICATE_WORKER)
"""

from __future__ import annotations

import contextlib
import http
import logging
import socket
import ssl
import threading
from collections.abc import Sequence
from types import TracebackType
from typing import Any, TypeVar

from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.sync.server import Server, ServerConnection, serve
from websockets.typing import Subprotocol

from studio_worker_core.errors import BadFrame
from studio_worker_core.wire.codec import decode_worker_frame, encode_text
from studio_worker_core.wire.frames import (
    SUBPROTOCOL,
    CompleteAck,
    CompleteJson,
    Fail,
    FailAck,
    Heartbeat,
    HeartbeatAck,
    Hello,
    StudioFrame,
    Welcome,
    WorkerFrame,
)

Frame = TypeVar("Frame", bound=WorkerFrame)

_library_log = logging.getLogger("studio_worker_testing.websockets")
_library_log.setLevel(logging.CRITICAL)


class ScriptedSession:
    """One worker's connection as the studio sees it."""

    def __init__(self, connection: ServerConnection, number: int) -> None:
        self.number = number
        """1 for the first connection of the studio, and so on."""
        self.path = connection.request.path if connection.request is not None else ""
        self.headers = connection.request.headers if connection.request is not None else Headers()
        self.frames: list[WorkerFrame] = []
        """Every readable frame, in order."""
        self.texts: list[str | bytes] = []
        """Every message as it came."""
        self.close_code: int | None = None
        """The worker's close code, once :attr:`ended`."""
        self._connection = connection
        self._changed = threading.Condition()
        self._ended = False

    def send(self, frame: StudioFrame) -> None:
        """Send a frame."""
        self.send_raw(encode_text(frame))

    def send_raw(self, message: str | bytes) -> None:
        """Send anything: ``str`` as a text frame, ``bytes`` as a binary one."""
        with contextlib.suppress(ConnectionClosed):
            self._connection.send(message)

    def send_invalid_utf8(self) -> None:
        """Send a text frame that is no text."""
        with contextlib.suppress(ConnectionClosed):
            self._connection.send(b"\xff\xfe", text=True)

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Close the WebSocket with a code, handshake and all."""
        self._connection.close(code, reason)

    def sever(self) -> None:
        """End the TCP connection without a word, as a dying process does."""
        with contextlib.suppress(OSError):
            socket.socket.shutdown(self._connection.socket, socket.SHUT_RDWR)

    def of(self, kind: type[Frame]) -> list[Frame]:
        """The frames of one kind so far."""
        with self._changed:
            return [frame for frame in self.frames if isinstance(frame, kind)]

    def wait_for(self, kind: type[Frame], count: int = 1, timeout: float = 60.0) -> Frame:
        """The ``count``-th frame of a kind, waiting for it. Raises :class:`TimeoutError`."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self.of(kind)) >= count, timeout):
                seen = ", ".join(type(frame).__name__ for frame in self.frames)
                raise TimeoutError(f"no {kind.__name__} number {count}; so far: {seen}")
            return self.of(kind)[count - 1]

    def wait_ended(self, timeout: float = 60.0) -> bool:
        """Wait until the connection is over; ``False`` after ``timeout`` seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: self._ended, timeout)

    @property
    def ended(self) -> bool:
        """Whether the connection is over."""
        return self._ended

    def _note(self, message: str | bytes) -> WorkerFrame | None:
        with self._changed:
            self.texts.append(message)
            frame = None
            with contextlib.suppress(BadFrame):
                frame = decode_worker_frame(message)
                self.frames.append(frame)
            self._changed.notify_all()
            return frame

    def _end(self) -> None:
        with self._changed:
            self._ended = True
            close = self._connection.protocol.close_rcvd
            self.close_code = close.code if close is not None else None
            self._changed.notify_all()


class ScriptedStudio:
    """A studio on a loopback port for sockets only. A context manager."""

    def __init__(
        self,
        *,
        port: int = 0,
        token: str = "token-1",
        worker_id: str = "worker-1",
        features: Sequence[str] = (),
        resume: Sequence[str] = (),
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.port = port
        self.token = token
        self.worker_id = worker_id
        self.features = list(features)
        self.resume = list(resume)
        self.welcomes = True
        """Whether ``hello`` is answered with ``welcome``."""
        self.acks_heartbeats = True
        self.acks_results = True
        self.refuses_with: int | None = None
        """HTTP status that answers the next upgrades instead of a WebSocket."""
        self.sessions: list[ScriptedSession] = []
        """All connections so far, oldest first."""
        self.refused = 0
        """How many upgrades were answered with an HTTP status."""
        self._changed = threading.Condition()
        self._tls = tls
        self._server: Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """What a worker has as its ``api_base_url``; with ``tls`` for the name localhost."""
        if self._tls is not None:
            return f"https://localhost:{self.port}/"
        return f"http://127.0.0.1:{self.port}/"

    def __enter__(self) -> ScriptedStudio:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Listen; after :meth:`stop`, again on the same port."""
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        listener.listen(64)
        self.port = listener.getsockname()[1]
        self._server = serve(
            self._serve,
            sock=listener,
            ssl=self._tls,
            subprotocols=[Subprotocol(SUBPROTOCOL)],
            process_request=self._judge,
            compression=None,
            ping_interval=None,
            open_timeout=60,
            close_timeout=2,
            max_size=None,
            logger=_library_log,
        )
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End as a killed process does: no close frames, nothing listens any more."""
        if self._server is None or self._thread is None:
            return
        for session in list(self.sessions):
            session.sever()
        self._server.shutdown()
        self._thread.join()
        for session in list(self.sessions):
            session.wait_ended()
        self._server = self._thread = None

    def session(self, number: int = 1, timeout: float = 60.0) -> ScriptedSession:
        """The connection of that number, waiting for it. Raises :class:`TimeoutError`."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self.sessions) >= number, timeout):
                raise TimeoutError(f"no connection number {number}; so far {len(self.sessions)}")
            return self.sessions[number - 1]

    def wait_refused(self, count: int, timeout: float = 60.0) -> bool:
        """Wait until :attr:`refused` reaches ``count``; ``False`` after ``timeout``."""
        with self._changed:
            return self._changed.wait_for(lambda: self.refused >= count, timeout)

    def _judge(self, connection: ServerConnection, request: Request) -> Response | None:
        status = self.refuses_with
        if status is None and request.headers.get("Authorization") != f"Bearer {self.token}":
            status = http.HTTPStatus.UNAUTHORIZED
        if status is None:
            return None
        with self._changed:
            self.refused += 1
            self._changed.notify_all()
        return connection.respond(status, "refused by the script\n")

    def _serve(self, connection: ServerConnection) -> None:
        with self._changed:
            session = ScriptedSession(connection, len(self.sessions) + 1)
            self.sessions.append(session)
            self._changed.notify_all()
        try:
            while True:
                frame = session._note(connection.recv())
                for answer in self._answers(frame):
                    session.send(answer)
        except ConnectionClosed:
            pass
        finally:
            session._end()

    def _answers(self, frame: Any) -> list[StudioFrame]:
        match frame:
            case Hello() if self.welcomes:
                now = "2026-01-01T00:00:00Z"
                return [Welcome(self.worker_id, now, list(self.features), list(self.resume))]
            case Heartbeat() if self.acks_heartbeats:
                return [HeartbeatAck()]
            case CompleteJson(job_id=job_id) if self.acks_results:
                return [CompleteAck(job_id)]
            case Fail(job_id=job_id) if self.acks_results:
                return [FailAck(job_id)]
            case _:
                return []
