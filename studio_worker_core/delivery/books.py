"""The letters of one delivery: who waits, who is on its way, and whose turn it is."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from datetime import datetime

from studio_worker_core.delivery.decisions import decide
from studio_worker_core.delivery.letters import (
    Acknowledge,
    Effect,
    Event,
    Found,
    Letter,
    Phase,
    Refuse,
    SendJson,
    SessionClosed,
    SessionView,
    Welcomed,
)
from studio_worker_core.outbox import Entry

__all__ = ["Books", "Item"]


class Item:
    """One letter with its entry, and what was decided about it but not yet carried out."""

    def __init__(self, entry: Entry, letter: Letter) -> None:
        self.entry = entry
        self.letter = letter
        self.effects: list[Effect] = []

    @property
    def is_final(self) -> bool:
        """Delivered or refused; only the outbox is still to be told."""
        return self.letter.phase in (Phase.DELIVERED, Phase.REFUSED)

    @property
    def is_for_upload(self) -> bool:
        """Its next step is an upload."""
        return self.letter.phase is Phase.WAITING and not self.letter.is_json

    def take_effect(self) -> Effect | None:
        """The next effect that still holds; later events may have overtaken some."""
        while self.effects:
            effect = self.effects.pop(0)
            if self._still_holds(effect):
                return effect
        return None

    def _still_holds(self, effect: Effect) -> bool:
        phase = self.letter.phase
        match effect:
            case Acknowledge():
                return phase is Phase.DELIVERED
            case Refuse():
                return phase is Phase.REFUSED
            case SendJson(session=number):
                return phase is Phase.SENT and self.letter.sent_on == number
            case _:
                return True


class Books:
    """In memory only and not locked: the postman holds its lock around every call."""

    def __init__(self, boot: str) -> None:
        self.view: SessionView | None = None
        self._boot = boot
        self._items: dict[str, Item] = {}

    def oldest_first(self) -> list[Item]:
        """Every item, by the age of its result."""

        def age(item: Item) -> tuple[datetime, str]:
            return item.entry.manifest.created, item.entry.key

        return sorted(self._items.values(), key=age)

    def __len__(self) -> int:
        return len(self._items)

    def of_job(self, job_id: str) -> list[Item]:
        """The items of one job: one at most, unless the outbox was edited by hand."""
        return [item for item in self._items.values() if item.letter.job_id == job_id]

    def take_in(self, entry: Entry, now: float) -> None:
        """An entry was handed in or found on disk."""
        manifest = entry.manifest
        claimed_on = manifest.session if manifest.boot == self._boot else None
        item = self._items.get(entry.key)
        if item is not None and item.entry.manifest.created == manifest.created:
            item.entry = entry
            self.tell(item, Found(claimed_on), now)
            return
        letter = Letter(
            job_id=entry.job_id,
            is_json=entry.is_json,
            bytes=manifest.bytes,
            claimed_on=claimed_on,
            due=now,
        )
        self._items[entry.key] = Item(entry, letter)

    def compare(self, before: AbstractSet[Item], found: Iterable[Entry], now: float) -> list[Item]:
        """Take in what is new on disk, drop what has gone from it; returns the dropped.

        ``before`` are the items from before the disk was looked at: what was handed in
        meanwhile is not missing.
        """
        on_disk = {entry.key: entry for entry in found}
        for key, entry in on_disk.items():
            item = self._items.get(key)
            if item is None or item.entry.manifest.created != entry.manifest.created:
                self.take_in(entry, now)
        gone = [
            item
            for key, item in self._items.items()
            if key not in on_disk and item in before and item.letter.phase is Phase.WAITING
        ]
        for item in gone:
            self.drop(item)
        return gone

    def items(self) -> frozenset[Item]:
        """Every item, for :meth:`compare`."""
        return frozenset(self._items.values())

    def drop(self, item: Item) -> None:
        """It has left the outbox."""
        item.effects.clear()
        if self._items.get(item.entry.key) is item:
            del self._items[item.entry.key]

    def tell(self, item: Item, event: Event, now: float) -> None:
        """Let one letter decide about an event."""
        item.letter, effects = decide(item.letter, event, now)
        item.effects.extend(effects)

    def welcome(self, view: SessionView, now: float) -> None:
        """A session began."""
        self.view = view
        for item in self._items.values():
            self.tell(item, Welcomed(view), now)

    def closed(self, number: int, now: float) -> None:
        """A session ended."""
        if self.view is not None and self.view.number == number:
            self.view = None
        for item in self._items.values():
            self.tell(item, SessionClosed(number), now)

    def next_with_effects(self) -> Item | None:
        """The oldest item with something to be carried out."""
        return next((item for item in self.oldest_first() if item.effects), None)

    def next_due(self, now: float, *, may_upload: bool) -> Item | None:
        """The oldest item whose turn it is."""
        return next(
            (
                item
                for item in self.oldest_first()
                if item.letter.due <= now and self._waits_for_time(item, may_upload)
            ),
            None,
        )

    def next_in_flight(self, now: float) -> Item | None:
        """The oldest item that waits for its ack, else the next one to go."""
        sent = (item for item in self.oldest_first() if item.letter.phase is Phase.SENT)
        due = self.next_due(now, may_upload=True)
        return next(sent, due if due is not None and not due.is_final else None)

    def next_time(self, *, may_upload: bool) -> float | None:
        """When the next turn comes."""
        return min(
            (i.letter.due for i in self._items.values() if self._waits_for_time(i, may_upload)),
            default=None,
        )

    def is_quiet(self, now: float) -> bool:
        """Nothing is on its way and nothing can go now."""
        return self.next_due(now, may_upload=True) is None and not any(
            item.effects or item.letter.phase in (Phase.SENT, Phase.UPLOADING)
            for item in self._items.values()
        )

    def _waits_for_time(self, item: Item, may_upload: bool) -> bool:
        if item.is_for_upload:
            return may_upload
        if item.letter.phase is Phase.WAITING:
            return self.view is not None
        return item.is_final
