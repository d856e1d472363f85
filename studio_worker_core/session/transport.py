"""A connection with the threads that read and write it.

A ``send`` on a full socket buffer blocks while it holds the connection's lock, and
``close`` wants that lock too. So a dead connection is ended below the WebSocket layer, by
shutting its socket down, which frees the reader and the writer wherever they are.
"""

from __future__ import annotations

import contextlib
import queue
import socket
import threading
import time
from collections.abc import Callable

from websockets.exceptions import ConnectionClosed
from websockets.sync.connection import Connection

from studio_worker_core.errors import BadFrame
from studio_worker_core.foreign_text import quoted
from studio_worker_core.session.machine import Arrived, SocketClosed, Unreadable
from studio_worker_core.session.outgoing import Outgoing
from studio_worker_core.wire.codec import read_studio_frame
from studio_worker_core.wire.frames import CloseCode

Incoming = Arrived | Unreadable | SocketClosed

_INBOX_FRAMES = 64


class Transport:
    """Reads events into a bounded inbox; writes what ``outgoing`` hands out, then closes.

    A full inbox holds up the reader, and through TCP the studio. ``clock`` gives seconds.
    """

    def __init__(
        self, connection: Connection, outgoing: Outgoing, clock: Callable[[], float], name: str
    ) -> None:
        self._connection = connection
        self._outgoing = outgoing
        self._clock = clock
        self._inbox: queue.Queue[Incoming] = queue.Queue(_INBOX_FRAMES)
        self._threads = tuple(
            threading.Thread(target=target, name=f"{name}-{role}", daemon=True)
            for role, target in (("reader", self._read), ("writer", self._write))
        )
        self.heard_at = clock()
        """When the last frame came from the studio."""
        self.severed_why: str | None = None
        """What :meth:`sever` was told."""

    def start(self) -> None:
        """Start both threads; :meth:`join` ends them."""
        self.heard_at = self._clock()
        for thread in self._threads:
            thread.start()

    def next(self, timeout: float) -> Incoming | None:
        """The next event from the studio; ``None`` after ``timeout`` seconds without one."""
        try:
            return self._inbox.get(timeout=max(timeout, 0.0))
        except queue.Empty:
            return None

    def sever(self, why: str | None = None) -> None:
        """End the connection at once, whatever the threads wait for. Any thread may call."""
        self.severed_why = self.severed_why or why
        # Not SSLSocket.shutdown: that one takes TLS off the socket under a running send.
        with contextlib.suppress(OSError):
            socket.socket.shutdown(self._connection.socket, socket.SHUT_RDWR)

    def join(self, seconds: float) -> bool:
        """Wait for both threads; ``False`` when one still runs after ``seconds``.

        They end by themselves once the connection is closed or severed. What still comes
        in is dropped.
        """
        deadline = time.monotonic() + seconds
        while any(thread.is_alive() for thread in self._threads):
            if time.monotonic() >= deadline:
                return False
            # The reader goes on through the closing handshake: make room for it.
            self.next(0.01)
        for thread in self._threads:
            thread.join()
        return True

    def _read(self) -> None:
        while True:
            try:
                data = self._connection.recv()
            except ConnectionClosed as error:
                self._inbox.put(_closed(error))
                return
            now = self._clock()
            self.heard_at = now
            try:
                read = read_studio_frame(data)
                self._inbox.put(Arrived(read.frame, now, read.notes))
            except BadFrame as error:
                self._inbox.put(Unreadable(error, now))

    def _write(self) -> None:
        try:
            while (text := self._outgoing.take()) is not None:
                self._connection.send(text)
        except ConnectionClosed:
            # The reader sees it too, and says why.
            self._outgoing.writer_failed()
            return
        self._connection.close(CloseCode.NORMAL)


def _closed(error: ConnectionClosed) -> SocketClosed:
    if error.rcvd is None:
        cause = error.__cause__ or "the studio went away without a word"
        return SocketClosed(None, "", f"the connection broke: {cause}")
    code, reason = error.rcvd.code, quoted(error.rcvd.reason)
    said = f" ({reason})" if reason else ""
    return SocketClosed(code, reason, f"the studio closed the connection, code {code}{said}")
