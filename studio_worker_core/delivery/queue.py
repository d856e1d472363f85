"""The queue of results on their way: who waits, who is being sent, and whose turn it is."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from datetime import datetime

from studio_worker_core.delivery.machine import has_free_sender, has_sender, step
from studio_worker_core.delivery.queued import DeliverySession, QueuedResult, Superseded
from studio_worker_core.delivery.states import (
    Acked,
    DeliveryPhase,
    Due,
    Effect,
    Event,
    Found,
    Needs,
    SessionClosed,
    SessionView,
    State,
    Upload,
    Welcomed,
)
from studio_worker_core.delivery.turns import Turns
from studio_worker_core.outbox import Entry


class Queue:
    """In memory only. Safe to use from any thread: every change is made under the lock of
    ``changed`` and wakes those that wait on it; no file or socket is touched here. The senders
    wait on another condition of that lock: they are woken for an upload alone, one for each.

    ``boot`` is this start of the worker (:attr:`.Outbox.boot`); ``clock`` tells seconds that
    never go back.
    """

    def __init__(self, boot: str, clock: Callable[[], float], senders: int = 1) -> None:
        lock = threading.RLock()
        self.changed = threading.Condition(lock)
        self._has_upload = threading.Condition(lock)
        self.clock = clock
        self.session: DeliverySession | None = None
        self.view: SessionView | None = None
        self._boot = boot
        self._senders = senders
        self._results: dict[str, QueuedResult] = {}
        self._turns: Turns[QueuedResult] = Turns()
        self._with_effects: set[QueuedResult] = set()
        self._sent: set[QueuedResult] = set()
        self._final: set[QueuedResult] = set()
        self._sending: list[QueuedResult] = []
        self._to_upload: deque[QueuedResult] = deque()
        self._let_go: set[tuple[str, datetime]] = set()
        """Told as lost while their files could not be moved away: not to be found again."""

    # what comes and goes

    def take_in(self, entry: Entry) -> None:
        """An entry was handed in or found on disk."""
        manifest = entry.manifest
        claimed_on = manifest.session if manifest.boot == self._boot else None
        with self._change():
            known = self._results.get(entry.key)
            if known is not None and known.entry.manifest.created == manifest.created:
                known.entry = entry
                self._step(known, Found(claimed_on))
                return
            if known is not None:
                self.drop(known)
            state = State(
                job_id=entry.job_id,
                is_json=entry.is_json,
                bytes=manifest.bytes,
                claimed_on=claimed_on,
                due=self.clock(),
            )
            self._results[entry.key] = QueuedResult(entry, state)
            self._index(self._results[entry.key])

    def compare(
        self, before: AbstractSet[QueuedResult], found: Iterable[Entry]
    ) -> list[QueuedResult]:
        """Take in what is new on disk; returns what has gone from it.

        ``before`` are the results from before the disk was looked at: what was handed in
        meanwhile is not missing.
        """
        everything = {entry.key: entry for entry in found}
        with self._change():
            self._let_go &= {(key, entry.manifest.created) for key, entry in everything.items()}
            on_disk = {
                key: entry
                for key, entry in everything.items()
                if (key, entry.manifest.created) not in self._let_go
            }
            for key, entry in on_disk.items():
                known = self._results.get(key)
                if known is None or known.entry.manifest.created != entry.manifest.created:
                    self.take_in(entry)
            missing = [r for key, r in self._results.items() if key not in on_disk and r in before]
            for result in missing:
                result.is_withdrawn = result.state.phase is DeliveryPhase.UPLOADING
        return [result for result in missing if result.state.phase is DeliveryPhase.WAITING]

    def leave(self, others: Iterable[QueuedResult]) -> None:
        """Let go of what was made under another identity: it is kept on disk, not sent."""
        with self._change():
            for result in others:
                if not result.state.is_final:
                    self.drop(result)

    def drop(self, result: QueuedResult) -> None:
        """It has left the outbox."""
        with self._change():
            result.effects.clear()
            result.is_withdrawn = True
            if self._results.get(result.entry.key) is result:
                del self._results[result.entry.key]
                self._turns.remove(result.age)
                self._with_effects.discard(result)
                self._sent.discard(result)
                self._final.discard(result)

    def let_go(self, result: QueuedResult) -> None:
        """The studio knows that it is lost, or need not."""
        with self._change():
            self._let_go.add((result.entry.key, result.entry.manifest.created))
            self.drop(result)

    # what happens to them

    def tell(self, result: QueuedResult, event: Event | Superseded) -> None:
        """Decide about an event of one result; what is superseded is of no interest any more."""
        with self._change():
            if isinstance(event, Superseded):
                self.drop(result)
            else:
                self._step(result, event)

    def acknowledged(self, job_id: str) -> None:
        """The studio acknowledged a job: one result, unless the outbox was edited by hand."""
        with self._change():
            for result in [r for r in self._results.values() if r.state.job_id == job_id]:
                self._step(result, Acked())

    def welcome(self, session: DeliverySession | None, view: SessionView) -> None:
        """A session began."""
        with self._change():
            self.session, self.view = session, view
            for result in self._results.values():
                self._step(result, Welcomed(view))

    def closed(self, number: int) -> None:
        """A session ended."""
        with self._change():
            if self.view is not None and self.view.number == number:
                self.session = self.view = None
            for result in self._results.values():
                self._step(result, SessionClosed(number))

    def give_turn(self, result: QueuedResult, ours: bool | None = None) -> None:
        """It is due; an upload that follows goes to the next free sender. ``ours`` says whether
        the studio still holds the job (None: unknown)."""
        with self._change():
            if self._results.get(result.entry.key) is not result:
                return
            self._step(result, Due(self.view, ours))
            if result.state.phase is DeliveryPhase.UPLOADING and Upload() in result.effects:
                result.effects.remove(Upload())
                result.is_withdrawn = False
                self._sending.append(result)
                self._to_upload.append(result)
                self._has_upload.notify()
            self._index(result)

    def wait_for_upload(self, stop: threading.Event) -> QueuedResult | None:
        """The next result to upload; None once ``stop`` is set."""
        with self._has_upload:
            self._has_upload.wait_for(lambda: stop.is_set() or bool(self._to_upload))
            return None if stop.is_set() else self._to_upload.popleft()

    def wake_everybody(self) -> None:
        """Have everybody who waits look at what they wait for: the worker stops."""
        with self.changed:
            self.changed.notify_all()
            self._has_upload.notify_all()

    def upload_ended(self, result: QueuedResult, event: Event | Superseded) -> None:
        """Its sender is free again."""
        with self._change():
            self._sending.remove(result)
            self.tell(result, event)

    # what is next

    def next_effect(self) -> tuple[QueuedResult, Effect] | None:
        """What is to be carried out next: the oldest result's; it counts as done."""
        with self.changed:
            while self._with_effects:
                result = min(self._with_effects, key=lambda each: each.age)
                effect = result.take_effect()
                self._index(result)
                if effect is not None:
                    return result, effect
            return None

    def next_due(self) -> QueuedResult | None:
        """The oldest result whose turn it is."""
        with self.changed:
            on_their_way = [each.state for each in self._sending]

            def fits(result: QueuedResult) -> bool:
                if not result.state.is_for_upload:
                    return True
                return has_sender(result.state, on_their_way, self._senders)

            return self._turns.next(self.clock(), self._may_go, fits)

    def next_time(self) -> float | None:
        """When the next turn comes."""
        with self.changed:
            return self._turns.next_time(self._may_go)

    def is_quiet(self) -> bool:
        """Nothing is on its way and nothing can go now."""
        with self.changed:
            at_work = self._sending or self._sent or self._with_effects
            return not at_work and self.next_due() is None

    # what there is

    def __len__(self) -> int:
        """How many are on their way or wait; what is lost only waits to be told."""
        with self.changed:
            return sum(
                each.state.phase is not DeliveryPhase.LOST for each in self._results.values()
            )

    def results(self) -> frozenset[QueuedResult]:
        """Every result, for :meth:`compare`."""
        with self.changed:
            return frozenset(self._results.values())

    def pending_ids(self) -> list[str]:
        """The jobs of everything not yet delivered, refused or lost, oldest first."""
        with self.changed:
            pending = [each for each in self._results.values() if not each.state.is_final]
        return [each.state.job_id for each in sorted(pending, key=lambda each: each.age)]

    def pending_count(self) -> int:
        """How many those are."""
        with self.changed:
            return len(self._results) - len(self._final)

    def in_flight(self) -> str | None:
        """The job on its way, else one that waits for its ack, else the next to go."""
        with self.changed:
            if self._sending:
                return self._sending[0].state.job_id
            if self._sent:
                return min(self._sent, key=lambda each: each.age).state.job_id
            due = self.next_due()
            return due.state.job_id if due is not None and not due.state.is_final else None

    @contextmanager
    def _change(self) -> Iterator[None]:
        with self.changed:
            yield
            self.changed.notify_all()

    def _step(self, result: QueuedResult, event: Event) -> None:
        result.state, effects = step(result.state, event, self.clock())
        result.effects.extend(effects)
        self._index(result)

    def _index(self, result: QueuedResult) -> None:
        if self._results.get(result.entry.key) is not result:
            return
        state = result.state
        self._turns.put(result.age, state.needs, state.due, result)
        (self._with_effects.add if result.effects else self._with_effects.discard)(result)
        (self._sent.add if state.phase is DeliveryPhase.SENT else self._sent.discard)(result)
        (self._final.add if state.is_final else self._final.discard)(result)

    def _may_go(self, needs: Needs) -> bool:
        if needs.session and self.view is None:
            return False
        on_their_way = [each.state for each in self._sending]
        return not needs.sender or has_free_sender(needs.has_failed, on_their_way, self._senders)
