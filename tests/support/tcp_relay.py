"""The connections of :mod:`.tcp_proxy`: each has a thread that alone touches its sockets."""

from __future__ import annotations

import contextlib
import selectors
import socket
import struct
import threading
import time
from collections.abc import Callable
from typing import Literal

from msgspec import Struct, field

Direction = Literal["up", "down"]
Action = Literal["reset", "close", "stall"]

_CHUNK = 65536
BOTH: tuple[Direction, Direction] = ("up", "down")


class Fault(Struct, frozen=True):
    """What happens to one connection after ``at_byte`` bytes in ``direction``.

    ``reset`` sends RST both ways, ``close`` ends the stream both ways, ``stall`` forwards
    nothing more in that direction but keeps the connection open.
    """

    direction: Direction
    at_byte: int
    action: Action = "reset"


class Rules(Struct):
    """What holds for all connections of a proxy; read anew for each chunk."""

    note: Callable[[Direction, int], None]
    """Told how many bytes were passed on."""
    delay: float = 0.0
    """Seconds each chunk is held."""
    stalled: set[Direction] = field(default_factory=set)
    swallowing: set[Direction] = field(default_factory=set)


class _Flow:
    """One direction of one connection: what was read and is not written yet."""

    def __init__(
        self,
        rules: Rules,
        direction: Direction,
        source: socket.socket,
        target: socket.socket,
        fault: Fault | None,
    ) -> None:
        self._rules = rules
        self._direction: Direction = direction
        self.source = source
        self.target = target
        self._fault = fault
        self._held = b""
        self._ready_at = 0.0
        self._passed = 0
        self._at_end = False
        self._stalled_by_fault = False
        self.done = False
        """Whether the source has ended and its end was passed on."""

    def _is_stalled(self) -> bool:
        return self._stalled_by_fault or self._direction in self._rules.stalled

    @property
    def wants_read(self) -> bool:
        return not (self._held or self._at_end or self._is_stalled())

    @property
    def pause(self) -> float | None:
        """Seconds until what is held may be written; ``None`` when nothing may."""
        if not self._held or self._is_stalled():
            return None
        return max(self._ready_at - time.monotonic(), 0.0)

    def read(self) -> None:
        data = self.source.recv(_CHUNK)
        if not data:
            self._at_end = True
        elif self._direction not in self._rules.swallowing:
            self._held = data
            self._ready_at = time.monotonic() + self._rules.delay

    def write(self) -> Action | None:
        """Pass on what is held, up to the fault; returns the fault when it is reached."""
        room = len(self._held)
        if self._fault is not None:
            room = min(room, max(self._fault.at_byte - self._passed, 0))
        sent = self.target.send(self._held[:room]) if room else 0
        self._held = self._held[sent:]
        self._passed += sent
        self._rules.note(self._direction, sent)
        if self._fault is None or self._passed < self._fault.at_byte:
            return None
        action = self._fault.action
        self._fault = None
        self._stalled_by_fault = action == "stall"
        return action

    def finish(self) -> None:
        """Pass the end of the source on once everything before it is out."""
        if self._at_end and not self._held and not self.done and not self._is_stalled():
            self.done = True
            with contextlib.suppress(OSError):
                self.target.shutdown(socket.SHUT_WR)


class Relay:
    """One connection. Its thread alone touches the two sockets, so RST is really sent."""

    def __init__(
        self, rules: Rules, client: socket.socket, server: socket.socket, fault: Fault | None
    ) -> None:
        self._ends = (client, server)
        for end in self._ends:
            end.setblocking(False)
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._flows = tuple(
            _Flow(
                rules,
                direction,
                source,
                target,
                fault if fault is not None and fault.direction == direction else None,
            )
            for direction, source, target in _directed(client, server)
        )
        self._bell, self._ear = socket.socketpair()
        self._ear.setblocking(False)
        self._asked: Action | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    @property
    def is_alive(self) -> bool:
        return self._thread.is_alive()

    def start(self) -> None:
        self._thread.start()

    def join(self) -> None:
        self._thread.join()

    def wake(self) -> None:
        with contextlib.suppress(OSError):
            self._bell.send(b"!")

    def end(self, action: Action) -> None:
        """Ask for the end of the connection and wait for it."""
        self._asked = action
        self.wake()
        self._thread.join()

    def _run(self) -> None:
        try:
            action = self._relay()
        except OSError:
            action = "close"
        for end in self._ends:
            if action == "reset":
                close_with_reset(end)
            end.close()
        self._bell.close()
        self._ear.close()

    def _relay(self) -> Action:
        while not all(flow.done for flow in self._flows):
            ready = self._wait()
            if self._asked is not None:
                return self._asked
            for flow in self._flows:
                # A socket may be called ready and not be.
                with contextlib.suppress(BlockingIOError):
                    if ready.get(flow.source, 0) & selectors.EVENT_READ and flow.wants_read:
                        flow.read()
                    if ready.get(flow.target, 0) & selectors.EVENT_WRITE and flow.pause == 0:
                        action = flow.write()
                        if action in ("reset", "close"):
                            return action
                flow.finish()
        return "close"

    def _wait(self) -> dict[socket.socket, int]:
        wanted: dict[socket.socket, int] = {self._ear: selectors.EVENT_READ}
        timeout: float | None = None
        for flow in self._flows:
            if flow.wants_read:
                wanted[flow.source] = wanted.get(flow.source, 0) | selectors.EVENT_READ
            pause = flow.pause
            if pause == 0:
                wanted[flow.target] = wanted.get(flow.target, 0) | selectors.EVENT_WRITE
            elif pause is not None:
                timeout = pause if timeout is None else min(timeout, pause)
        with selectors.DefaultSelector() as selector:
            for end, events in wanted.items():
                selector.register(end, events, end)
            ready = {key.data: events for key, events in selector.select(timeout)}
        if self._ear in ready:
            with contextlib.suppress(BlockingIOError):
                self._ear.recv(_CHUNK)
        return ready


def _directed(
    client: socket.socket, server: socket.socket
) -> tuple[tuple[Direction, socket.socket, socket.socket], ...]:
    return ("up", client, server), ("down", server, client)


def close_with_reset(end: socket.socket) -> None:
    """Close so that the other side sees RST: lingering for no time makes it so."""
    with contextlib.suppress(OSError):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    end.close()
