"""One port for both halves of a studio: WebSocket sessions, and files that are uploaded.

A thread for each connection, standard library and websockets' own protocol core: what the
studio itself costs must be little beside what is measured.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol

from studio_worker_core.wire.frames import SUBPROTOCOL

_CHUNK = 256 * 1024


class Call:
    """One HTTP call: method, path, headers in lower case, and its body."""

    def __init__(self, head: bytes, body: bytes) -> None:
        first, *lines = head.decode("latin-1").split("\r\n")
        self.method, self.path, _ = first.split(" ", 2)
        pairs = (line.partition(":") for line in lines if line)
        self.headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
        self.body = body


class Socket:
    """The studio's end of one WebSocket."""

    def __init__(self, connection: socket.socket, head: bytes, body: bytes) -> None:
        self._connection = connection
        self._lock = threading.Lock()
        self._protocol = ServerProtocol(subprotocols=[Subprotocol(SUBPROTOCOL)], max_size=None)
        self._feed(head + b"\r\n\r\n" + body)

    def send(self, text: str) -> None:
        """Send one text frame."""
        with self._lock:
            self._protocol.send_text(text.encode())
            self._flush()

    def texts(self, on_text: Callable[[str], None]) -> None:
        """Hand on every message until the peer has gone."""
        while True:
            for event in self._protocol.events_received():
                if isinstance(event, Frame) and event.opcode is Opcode.TEXT:
                    on_text(bytes(event.data).decode())
            data = self._connection.recv(_CHUNK)
            if not data:
                return
            self._feed(data)

    def _feed(self, data: bytes) -> None:
        with self._lock:
            self._protocol.receive_data(data)
            for event in self._protocol.events_received() if not self._is_open() else ():
                if isinstance(event, Request):
                    self._protocol.send_response(self._protocol.accept(event))
            self._flush()

    def _is_open(self) -> bool:
        return self._protocol.state.name == "OPEN"

    def _flush(self) -> None:
        for data in self._protocol.data_to_send():
            if data:
                self._connection.sendall(data)


class Door:
    """Listens on a loopback port; a context manager.

    :param on_call: answers one HTTP call with a status and a body.
    :param on_socket: has one WebSocket until it ends.
    """

    def __init__(
        self,
        on_call: Callable[[Call], tuple[int, bytes]],
        on_socket: Callable[[Socket], None],
    ) -> None:
        self._on_call = on_call
        self._on_socket = on_socket
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._listener.getsockname()[1]
        self._open: set[socket.socket] = set()

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, name="door", daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # A thread that waits in accept or recv wakes up by a shutdown, not by a close.
        for each in (self._listener, *self._open):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._open.add(connection)
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            rest = b""
            while (asked := _read_call(connection, rest)) is not None:
                head, body, rest = asked
                call = Call(head, body)
                if call.headers.get("upgrade", "").lower() == "websocket":
                    self._on_socket(Socket(connection, head, body))
                    break
                status, answer = self._on_call(call)
                connection.sendall(
                    f"HTTP/1.1 {status} X\r\ncontent-type: application/json\r\n"
                    f"content-length: {len(answer)}\r\n\r\n".encode()
                    + answer
                )
        self._open.discard(connection)


def _read_call(connection: socket.socket, data: bytes) -> tuple[bytes, bytes, bytes] | None:
    """Head, body, and what came after it; None at the end."""
    while b"\r\n\r\n" not in data:
        more = connection.recv(_CHUNK)
        if not more:
            return None
        data += more
    head, _, data = data.partition(b"\r\n\r\n")
    length = _length(head)
    pieces, had = [data], len(data)
    while had < length:
        more = connection.recv(_CHUNK)
        if not more:
            return None
        pieces.append(more)
        had += len(more)
    data = b"".join(pieces)
    return head, data[:length], data[length:]


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length":
            return int(value)
    return 0
