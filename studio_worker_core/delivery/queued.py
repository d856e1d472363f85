"""One result in the queue, and what it is sent over."""

from __future__ import annotations

from typing import Any, Protocol

from msgspec import Struct

from studio_worker_core.delivery.states import (
    Acknowledge,
    DeliveryPhase,
    Effect,
    Refuse,
    SendJson,
    State,
    TellLoss,
)
from studio_worker_core.outbox import Entry


class DeliverySession(Protocol):
    """What delivery needs of a session."""

    @property
    def number(self) -> int:
        """Different for every session of this process."""

    def send(self, frame: Any, /) -> bool:
        """Queue one frame; False once the session is over. Raises WireError if too long."""


class Superseded(Struct, frozen=True):
    """The studio offered the job again as another task: its new result comes."""


class QueuedResult:
    """One result with its state, and what was decided about it but not yet carried out."""

    def __init__(self, entry: Entry, state: State) -> None:
        self.entry = entry
        self.state = state
        self.age = (entry.manifest.created, entry.key)
        self.effects: list[Effect] = []
        self.is_withdrawn = False
        """An attempt that is on its way is to be given up: the outbox holds it no more."""

    def take_effect(self) -> Effect | None:
        """The next effect that still holds; later events may have overtaken some."""
        while self.effects:
            effect = self.effects.pop(0)
            if self._still_holds(effect):
                return effect
        return None

    def _still_holds(self, effect: Effect) -> bool:
        phase = self.state.phase
        match effect:
            case Acknowledge():
                return phase is DeliveryPhase.DELIVERED
            case Refuse():
                return phase is DeliveryPhase.REFUSED
            case TellLoss():
                return phase in (DeliveryPhase.REFUSED, DeliveryPhase.LOST)
            case SendJson(session=number):
                return phase is DeliveryPhase.SENT and self.state.sent_on == number
            case _:
                return True
