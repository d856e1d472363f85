"""A TCP relay that breaks connections on purpose.

:class:`FaultProxy` stands between a client and a server on this machine::

    with FaultProxy(("127.0.0.1", studio_port)) as proxy:
        proxy.plan(Fault("up", at_byte=70_000, action="reset"))
        ...  # connect to proxy.port: the first connection breaks mid-upload

"up" is what the client sends, "down" what it receives. Offsets count bytes of one
connection and one direction, from zero.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections import deque
from types import TracebackType

from tests.support.tcp_relay import (
    BOTH,
    Action,
    Direction,
    Fault,
    Relay,
    Rules,
    close_with_reset,
)

__all__ = ["Action", "Direction", "Fault", "FaultProxy"]


class FaultProxy:
    """Relays TCP from a loopback port of its own to ``target`` (host, port).

    A context manager; leaving it ends all connections and joins all threads.
    """

    def __init__(self, target: tuple[str, int], *, port: int = 0) -> None:
        self.target = target
        """Where new connections are relayed to; may be changed at any time."""
        self._changed = threading.Condition()
        self._rules = Rules(self._note)
        self._plans: deque[Fault] = deque()
        self._relays: list[Relay] = []
        self._accepted = 0
        self._forwarded: dict[Direction, int] = {"up": 0, "down": 0}
        self._listener: socket.socket | None = None
        self._acceptor: threading.Thread | None = None
        self.port = port
        """The port to connect to, on 127.0.0.1."""

    @property
    def url(self) -> str:
        """The proxy as the root of an HTTP server."""
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> FaultProxy:
        self._listen()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.refuse()
        self.cut()
        for relay in self._open_relays():
            relay.join()

    # what the test arranges

    def plan(self, *faults: Fault) -> None:
        """Faults for the coming connections, one each, in order; later ones work."""
        with self._changed:
            self._plans.extend(faults)

    def delay(self, seconds: float) -> None:
        """Hold each chunk that long before it goes on."""
        self._rules.delay = seconds

    def stall(self, *directions: Direction) -> None:
        """Read and forward nothing more (both ways by default): buffers fill up.

        One chunk that is being read already may be taken, but not forwarded.
        """
        self._rules.stalled.update(directions or BOTH)

    def swallow(self, *directions: Direction) -> None:
        """Read on but forward nothing more (both ways by default): a half-open link."""
        self._rules.swallowing.update(directions or BOTH)

    def resume(self) -> None:
        """End :meth:`stall` and :meth:`swallow`; what was swallowed stays lost."""
        self._rules.stalled.clear()
        self._rules.swallowing.clear()
        for relay in self._open_relays():
            relay.wake()

    def reset(self) -> None:
        """Break every open connection with RST."""
        for relay in self._open_relays():
            relay.end("reset")

    def cut(self) -> None:
        """End every open connection with FIN."""
        for relay in self._open_relays():
            relay.end("close")

    def refuse(self) -> None:
        """Refuse new connections until :meth:`accept`."""
        listener, self._listener = self._listener, None
        if listener is not None:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        if self._acceptor is not None:
            self._acceptor.join()
            self._acceptor = None

    def accept(self) -> None:
        """Take new connections again, on the same port."""
        if self._listener is None:
            self._listen()

    # what the test observes

    @property
    def connections(self) -> int:
        """How many connections were taken so far."""
        return self._accepted

    def forwarded(self, direction: Direction) -> int:
        """Bytes passed on so far in a direction, over all connections."""
        with self._changed:
            return self._forwarded[direction]

    def wait_for_connections(self, count: int, timeout: float = 60.0) -> bool:
        """Wait until at least ``count`` connections were taken; ``False`` after ``timeout``."""
        with self._changed:
            return self._changed.wait_for(lambda: self._accepted >= count, timeout)

    def wait_for_bytes(self, direction: Direction, count: int, timeout: float = 60.0) -> bool:
        """Wait until :meth:`forwarded` reaches ``count``; ``False`` after ``timeout``."""
        with self._changed:
            return self._changed.wait_for(lambda: self._forwarded[direction] >= count, timeout)

    # the relays' side

    def _listen(self) -> None:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        listener.listen(64)
        self.port = listener.getsockname()[1]
        self._listener = listener
        self._acceptor = threading.Thread(target=self._accept_all, args=(listener,), daemon=True)
        self._acceptor.start()

    def _accept_all(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(self.target, timeout=60)
            except OSError:
                close_with_reset(client)
                continue
            with self._changed:
                fault = self._plans.popleft() if self._plans else None
                relay = Relay(self._rules, client, server, fault)
                self._relays = [known for known in self._relays if known.is_alive] + [relay]
                self._accepted += 1
                relay.start()
                self._changed.notify_all()

    def _open_relays(self) -> list[Relay]:
        with self._changed:
            return [relay for relay in self._relays if relay.is_alive]

    def _note(self, direction: Direction, count: int) -> None:
        with self._changed:
            self._forwarded[direction] += count
            self._changed.notify_all()
