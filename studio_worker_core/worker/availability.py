"""Whether this worker wants work right now, and what it says of itself."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from enum import Enum
from typing import Any, Literal

from studio_worker_core.capabilities import build_capabilities
from studio_worker_core.config import Config
from studio_worker_core.host.facts import HostFacts
from studio_worker_core.roster.roster import Offerings
from studio_worker_core.wire.capabilities import Capabilities
from studio_worker_core.worker.last_known import LastKnown

log = logging.getLogger("studio_worker.worker")

Presence = Literal["idle", "active"] | None

_PAUSE_SECONDS = 0.5
_SWITCH_SECONDS = 2.0
_PRESENCE_SECONDS = 5.0
_ROOM_SECONDS = 2.0


class Availability:
    """Paused, away or not, room in the outbox: the reasons to take offers or not.

    Every heartbeat and every offer asks, and none of them may wait: ``config`` and
    ``offerings`` answer from memory, ``paused``, ``presence`` and ``room`` may take their time and
    are asked on the threads of :attr:`watched` alone.
    """

    def __init__(
        self,
        config: Callable[[], Config],
        facts: HostFacts,
        offerings: Callable[[], Offerings],
        *,
        stopping: threading.Event,
        paused: Callable[[], bool],
        presence: Callable[[], Presence],
        room: Callable[[], str | None],
        on_change: Callable[[str | None], None] = lambda _reason: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._config = config
        self._facts = facts
        self._offerings = offerings
        self._stopping = stopping
        self._paused: LastKnown[bool] = LastKnown(
            "the switch of 'studio-worker pause'",
            paused,
            config().paused,
            every=_PAUSE_SECONDS,
            clock=clock,
        )
        self._presence: LastKnown[Presence] = LastKnown(
            "the desktop",
            # Nobody else wants to know, and asking starts a process.
            lambda: presence() if config().only_when_idle else None,
            None,
            every=_PRESENCE_SECONDS,
            clock=clock,
        )
        self._room: LastKnown[str | None] = LastKnown(
            "the outbox's disk", room, None, every=_ROOM_SECONDS, clock=clock
        )
        self._on_change = on_change
        self._lock = threading.Lock()
        self._told: _Obstacle | None = None

    @property
    def watched(self) -> dict[str, LastKnown[Any]]:
        """What needs a thread to ask it, by the thread's name."""
        return {"pause": self._paused, "presence": self._presence, "room": self._room}

    def pause_changed(self) -> None:
        """Take note of a pause or its end at once; may wait a moment for the disk."""
        self._paused.fresh(_SWITCH_SECONDS)
        self.not_taking()

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
        if self._paused():
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
        paused = self._paused() or self._stopping.is_set() or self._room() is not None
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
