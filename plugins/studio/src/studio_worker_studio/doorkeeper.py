"""Who may hold a connection, before anybody has said who they are: bounds of uvicorn's
protocols for request heads, silence, and connections of one address."""

from __future__ import annotations

import asyncio
from typing import Any, Protocol

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame

MAX_HEAD_BYTES = 64 * 1024
"""Longest request head: request line and headers."""

LET_IN = "studio_worker_studio.let_in"
"""Key of the connection's state: to be called once the peer has said a good ``hello``."""

_PIECE_BYTES = 16 * 1024
_MAX_HELLO_BYTES = 2 * 1024 * 1024
_MAX_FRAGMENTS = 4096
_MAX_CONTROLS = 100
"""Pings and pongs a peer may send between two messages."""
_MAX_UNREAD_BYTES = 1024 * 1024


class _Guest(Protocol):
    @property
    def is_silent(self) -> bool: ...

    def dismiss(self) -> None: ...


class Doorkeeper:
    """Connections by address. When one address has too many, its longest silent one goes to make
    room; when all of them are at work, the new one is turned away."""

    def __init__(self, max_per_address: int) -> None:
        self._max_per_address = max_per_address
        self._guests: dict[str, dict[_Guest, None]] = {}

    def enter(self, guest: _Guest, address: str) -> bool:
        """Whether the connection may stay; it is counted from now on."""
        here = self._guests.setdefault(address, {})
        if len(here) >= self._max_per_address:
            silent = next((other for other in here if other.is_silent), None)
            if silent is None:
                return False
            del here[silent]
            silent.dismiss()
        here[guest] = None
        return True

    def leave(self, guest: _Guest, address: str) -> None:
        """The connection is over, or a worker's session by now. Harmless when it never came."""
        here = self._guests.get(address, {})
        here.pop(guest, None)
        if not here:
            self._guests.pop(address, None)


class GuardedHttp(HttpToolsProtocol):
    """HTTP with a bound and a time limit for each request's head (431, 408)."""

    def __init__(
        self, *args: Any, doorkeeper: Doorkeeper, head_seconds: float, **options: Any
    ) -> None:
        super().__init__(*args, **options)
        self._doorkeeper = doorkeeper
        self._head_seconds = head_seconds
        self._head_timer: asyncio.TimerHandle | None = None
        self._in_head = True
        self._head_bytes = self._header_bytes = 0
        self._is_too_large = False
        self._has_upgraded = False

    @property
    def is_silent(self) -> bool:
        """Nothing was asked yet, or all was answered."""
        return self.cycle is None or self.cycle.response_complete

    @property
    def _address(self) -> str:
        return self.client[0] if self.client else ""

    def dismiss(self) -> None:
        """Close the connection at once."""
        self.transport.abort()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Count it, and give it a while to ask for something."""
        super().connection_made(transport)
        if not self._doorkeeper.enter(self, self._address):
            self._refuse(503, "Service Unavailable", "too many connections from this address")
            return
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """It does not count any more."""
        self._doorkeeper.leave(self, self._address)
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what came piece by piece, so that no head is longer than allowed before anybody
        looks."""
        for start in range(0, len(data), _PIECE_BYTES):
            if self.transport.is_closing() or self._has_upgraded:
                return
            piece = data[start : start + _PIECE_BYTES]
            if self._in_head:
                if self._head_timer is None:
                    self._expect_head()
                self._head_bytes += len(piece)
            super().data_received(piece)
            if self._in_head and self._head_bytes > MAX_HEAD_BYTES:
                self._refuse_head()

    def on_message_begin(self) -> None:
        """A head begins, perhaps behind the end of the request before."""
        if self._head_timer is None:
            self._expect_head()
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header, complete."""
        self._header_bytes += len(name) + len(value) + 4
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The head is over."""
        if self._header_bytes + len(self.url) > MAX_HEAD_BYTES:
            self._is_too_large = True
            raise ValueError("the request's head is too long")  # answered as an unreadable one
        self._in_head = False
        self._head_bytes = self._header_bytes = 0
        self._stop_timer()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The request is over; a head comes next."""
        self._in_head = True
        super().on_message_complete()

    def handle_websocket_upgrade(self) -> None:
        """It becomes a session, which has bounds of its own."""
        self._has_upgraded = True
        self._stop_timer()
        self._doorkeeper.leave(self, self._address)
        super().handle_websocket_upgrade()

    def send_400_response(self, msg: str) -> None:
        """Answer a request that cannot be read."""
        if self._is_too_large:
            self._refuse_head()
        else:
            super().send_400_response(msg)

    def _expect_head(self) -> None:
        self._head_timer = self.loop.call_later(self._head_seconds, self._head_is_late)

    def _stop_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _head_is_late(self) -> None:
        self._head_timer = None
        if self.transport.is_closing() or not self._in_head:
            return
        self._refuse(408, "Request Timeout", "no request came in time")

    def _refuse_head(self) -> None:
        reason = f"the request's head has more than {MAX_HEAD_BYTES} bytes"
        self._refuse(431, "Request Header Fields Too Large", reason)

    def _refuse(self, status: int, phrase: str, reason: str) -> None:
        if self.transport.is_closing():
            return
        head = (
            f"HTTP/1.1 {status} {phrase}\r\ncontent-type: text/plain; charset=utf-8\r\n"
            f"content-length: {len(reason)}\r\nconnection: close\r\n\r\n{reason}"
        )
        self.transport.write(head.encode("ascii"))
        self.transport.close()


class GuardedWebSocket(WebSocketsSansIOProtocol):
    """A WebSocket that takes small messages until its peer is let in, and bounds what messages
    cost that never end, and pings that nobody asked for."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._max_message_bytes = self.conn.max_message_size
        self.conn.max_message_size = _MAX_HELLO_BYTES
        self._controls = 0

    def handle_connect(self, event: Any) -> None:
        """Hand the key to the endpoint, which knows when its peer is let in."""
        super().handle_connect(event)
        if hasattr(self, "scope"):
            self.scope["state"][LET_IN] = self._let_in

    def handle_cont(self, event: Frame) -> None:
        """One more piece of a message."""
        super().handle_cont(event)
        if len(self.frames) > _MAX_FRAGMENTS:
            self._fail(1009, "too many fragments")

    def handle_ping(self) -> None:
        """Answer, as long as the answers are read."""
        if self.transport.get_write_buffer_size() > _MAX_UNREAD_BYTES:
            self.transport.abort()
            return
        super().handle_ping()
        self._count_control()

    def handle_pong(self, event: Frame) -> None:
        """An answer to a ping of ours, or not."""
        super().handle_pong(event)
        self._count_control()

    def send_receive_event_to_app(self) -> None:
        """A message is whole."""
        self._controls = 0
        super().send_receive_event_to_app()

    def _count_control(self) -> None:
        self._controls += 1
        if self._controls > _MAX_CONTROLS:
            self._fail(1008, "too many pings")

    def _fail(self, code: int, reason: str) -> None:
        if self.close_sent or self.transport.is_closing():
            return
        self.conn.fail(code, reason)
        self.handle_parser_exception()

    def _let_in(self) -> None:
        self.conn.max_message_size = self._max_message_bytes
