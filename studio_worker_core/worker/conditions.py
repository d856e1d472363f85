"""Whether this worker wants work right now, and what it says of itself."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from enum import Enum
from typing import Generic, Literal, TypeVar

from studio_worker_core.capabilities import build_capabilities
from studio_worker_core.config import Config
from studio_worker_core.engines.roster import Offerings
from studio_worker_core.host.facts import HostFacts
from studio_worker_core.wire.capabilities import Capabilities

__all__ = ["Conditions", "Presence"]

log = logging.getLogger("studio_worker.worker")

T = TypeVar("T")
Presence = Literal["idle", "active"] | None

_PRESENCE_SECONDS = 10.0
_ROOM_SECONDS = 2.0


class Conditions:
    """Paused, away or not, room in the outbox: the reasons to take offers or not.

    The answers that cost a process or a disk walk are remembered for a few seconds, since
    every heartbeat and every offer asks.
    """

    def __init__(
        self,
        config: Callable[[], Config],
        facts: HostFacts,
        offerings: Callable[[], Offerings],
        *,
        stopping: threading.Event,
        presence: Callable[[], Presence],
        room: Callable[[], str | None],
        on_change: Callable[[str | None], None] = lambda _reason: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._config = config
        self._facts = facts
        self._offerings = offerings
        self._stopping = stopping
        self._presence = _Remembered(presence, _PRESENCE_SECONDS, clock)
        self._room = _Remembered(room, _ROOM_SECONDS, clock)
        self._on_change = on_change
        self._lock = threading.Lock()
        self._told: _Obstacle | None = None

    def not_taking(self) -> str | None:
        """Why no offers are taken now, in words for a person; None when they are.

        ``on_change`` hears of it, and the log, when the kind of reason changes.
        """
        if self._stopping.is_set():
            return "the worker is shutting down"
        obstacle, reason = self._obstacle()
        with self._lock:
            changed, self._told = obstacle is not self._told, obstacle
        if changed:
            if reason is None:
                log.info("taking offers again")
            else:
                level = logging.WARNING if obstacle is _Obstacle.ROOM else logging.INFO
                log.log(level, "taking no offers: %s", reason)
            self._on_change(reason)
        return reason

    def _obstacle(self) -> tuple[_Obstacle | None, str | None]:
        config = self._config()
        if config.paused:
            return _Obstacle.PAUSED, "the worker is paused"
        if config.only_when_idle and self._presence() != "idle":
            return _Obstacle.PRESENCE, "somebody is using this machine (only_when_idle)"
        room = self._room()
        return (None, None) if room is None else (_Obstacle.ROOM, room)

    def capabilities(self) -> Capabilities:
        """The snapshot for the register request, ``hello`` and heartbeats.

        ``autoEnabled`` is false for every reason but presence, which has a field of its own
        that the studio weighs itself (protocol §5).
        """
        self.not_taking()  # every heartbeat comes by here, so a change is noticed in time
        config = self._config()
        paused = config.paused or self._stopping.is_set() or self._room() is not None
        return build_capabilities(
            config,
            self._facts,
            self._offerings(),
            paused=paused,
            presence=self._presence() if config.only_when_idle else None,
        )


class _Obstacle(Enum):
    PAUSED = "paused"
    PRESENCE = "presence"
    ROOM = "room"


class _Remembered(Generic[T]):
    def __init__(self, ask: Callable[[], T], seconds: float, clock: Callable[[], float]) -> None:
        self._ask = ask
        self._seconds = seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._answer: tuple[float, T] | None = None

    def __call__(self) -> T:
        with self._lock:
            now = self._clock()
            if self._answer is None or now - self._answer[0] >= self._seconds:
                self._answer = (now, self._ask())
            return self._answer[1]
