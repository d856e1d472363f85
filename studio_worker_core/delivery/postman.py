"""The delivery threads: they carry out what :mod:`.decisions` decides."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from typing import Any, Protocol

from studio_worker_core.delivery.books import Books, Item
from studio_worker_core.delivery.carrying import Carrier, Complete, Settled
from studio_worker_core.delivery.decisions import LARGE_BYTES
from studio_worker_core.delivery.letters import (
    Acked,
    Acknowledge,
    Due,
    Effect,
    Event,
    Failed,
    NotCarriedOut,
    NoteFailure,
    Phase,
    Refuse,
    SendJson,
    SessionView,
    Upload,
)
from studio_worker_core.errors import OutboxError
from studio_worker_core.outbox import Entry, Outbox

__all__ = ["Delivery", "DeliverySession", "Settled"]

_log = logging.getLogger("studio_worker.delivery")
_PRUNE_SECONDS = 600.0


class DeliverySession(Protocol):
    """What delivery needs of a session."""

    @property
    def number(self) -> int:
        """Different for every session of this process."""

    def send(self, frame: Any, /) -> bool:
        """Queue one frame; False once the session is over. Raises WireError if too long."""


class Delivery:
    """Delivers what is in the outbox, oldest first, for as long as it takes.

    ``complete(entry, abort)`` uploads one binary result and raises StudioError; it looks at
    ``abort()`` while it does and gives up with any error once that is true.
    ``is_ours(job_id)`` says whether the studio still holds the job for us (None: unknown).
    ``on_settled`` is told of every result that left; ``guard`` runs each thread's body.

    One thread decides and keeps the books, one uploads. The books are only touched under the
    lock, files, sockets and callbacks only outside it, so every method returns at once.
    """

    def __init__(
        self,
        outbox: Outbox,
        complete: Complete,
        stop: threading.Event,
        *,
        is_ours: Callable[[str], bool | None] = lambda _job_id: None,
        on_settled: Callable[[Settled], None] = lambda _settled: None,
        clock: Callable[[], float] = time.monotonic,
        rng: random.Random | None = None,
        rescan_seconds: float = 3.0,
        guard: Callable[[Callable[[], None]], None] = lambda body: body(),
    ) -> None:
        self._outbox = outbox
        self._stop = stop
        self._is_ours = is_ours
        self._clock = clock
        rng = rng or random.Random()  # noqa: S311 - jitter, not a secret
        self._carrier = Carrier(outbox, complete, on_settled, stop, rng)
        self._rescan_seconds = rescan_seconds
        self._rescan_at = self._prune_at = clock()
        self._changed = threading.Condition()
        self._books = Books(outbox.boot)
        self._session: DeliverySession | None = None
        self._uploading: Item | None = None
        self._busy = True
        bodies = {"delivery": self._decide_until_stopped, "upload": self._upload_until_stopped}
        self._threads = [
            threading.Thread(target=guard, args=(body,), name=name, daemon=True)
            for name, body in bodies.items()
        ]

    def start(self) -> None:
        """Start the threads; what is pending on disk is known from here on."""
        self._look_at_disk()
        threading.Thread(target=self._wake_at_stop, name="delivery-stop", daemon=True).start()
        for thread in self._threads:
            thread.start()

    def join(self, timeout: float | None = None) -> bool:
        """Wait (seconds) for the threads to end after ``stop`` was set; True when they have."""
        end = None if timeout is None else time.monotonic() + timeout
        for thread in self._threads:
            thread.join(None if end is None else max(end - time.monotonic(), 0))
        return not any(thread.is_alive() for thread in self._threads)

    def submit(self, entry: Entry) -> None:
        """A new finished result, or one whose job was accepted anew: deliver it now."""
        with self._changed:
            self._books.take_in(entry, self._clock())
            self._changed.notify_all()

    def on_welcome(
        self, session: DeliverySession, resume_known: bool, resume: AbstractSet[str]
    ) -> None:
        """A session began. ``resume``: the jobs the studio still holds for this worker;
        ``resume_known``: whether it knows the feature (protocol §3.1)."""
        held = frozenset(resume) if resume_known else frozenset()
        with self._changed:
            self._session = session
            self._books.welcome(SessionView(session.number, held), self._clock())
            self._changed.notify_all()

    def on_closed(self, session: DeliverySession) -> None:
        """A session ended."""
        with self._changed:
            self._books.closed(session.number, self._clock())
            self._changed.notify_all()

    def on_complete_ack(self, job_id: str) -> None:
        """The studio acknowledged a job."""
        with self._changed:
            for item in self._books.of_job(job_id):
                self._books.tell(item, Acked(), self._clock())
            self._changed.notify_all()

    def pending_ids(self) -> list[str]:
        """Job ids of everything not yet delivered, oldest first (``hello.unfinishedJobs``)."""
        with self._changed:
            return [i.letter.job_id for i in self._books.oldest_first() if not i.is_final]

    def in_flight(self) -> str | None:
        """The job whose result is being sent, waits for its ack, or is next to be sent."""
        with self._changed:
            if self._uploading is not None:
                return self._uploading.letter.job_id
            item = self._books.next_in_flight(self._clock())
            return item.letter.job_id if item is not None else None

    def flush(self, timeout: float) -> bool:
        """Wait (seconds) until nothing more can be delivered now: all is, or what is left
        backs off after a failure or needs another session. True when all is delivered."""
        with self._changed:
            self._changed.wait_for(
                lambda: (
                    self._stop.is_set() or (not self._busy and self._books.is_quiet(self._clock()))
                ),
                timeout,
            )
            return not self._busy and len(self._books) == 0

    # the deciding thread

    def _wake_at_stop(self) -> None:
        self._stop.wait()
        with self._changed:
            self._changed.notify_all()

    def _decide_until_stopped(self) -> None:
        while not self._stop.is_set():
            self._look_at_disk()
            with self._changed:
                effect: Effect | None = None
                item = self._books.next_with_effects()
                if item is not None:
                    effect = item.take_effect()
                else:
                    item = self._books.next_due(self._clock(), may_upload=self._may_upload)
                self._busy = item is not None
                if item is None:
                    self._changed.notify_all()
                    if not self._stop.is_set():
                        self._changed.wait(self._seconds_to_wait())
                    continue
            if effect is not None:
                self._carry_out(item, effect)
            elif not item.effects:
                self._give_turn(item)

    @property
    def _may_upload(self) -> bool:
        return self._uploading is None

    def _seconds_to_wait(self) -> float:
        turn = self._books.next_time(may_upload=self._may_upload)
        until = self._rescan_at if turn is None else min(turn, self._rescan_at)
        return max(until - self._clock(), 0.001)

    def _look_at_disk(self) -> None:
        now = self._clock()
        if now < self._rescan_at:
            return
        self._rescan_at = now + self._rescan_seconds
        with self._changed:
            before = self._books.items()
        try:
            found = self._outbox.pending()
            if now >= self._prune_at:
                self._prune_at = now + _PRUNE_SECONDS
                self._outbox.prune()
        except (OSError, OutboxError) as error:
            _log.warning("the outbox cannot be looked through: %s", error)
            return
        with self._changed:
            gone = self._books.compare(before, found, now)
            self._changed.notify_all()
        for item in gone:
            _log.info("the result of job %s was removed by hand", item.letter.job_id)

    def _give_turn(self, item: Item) -> None:
        large = item.is_for_upload and item.letter.bytes > LARGE_BYTES
        ours = self._is_ours(item.letter.job_id) if large else None
        with self._changed:
            self._books.tell(item, Due(self._books.view, ours), self._clock())
            if item.letter.phase is Phase.UPLOADING and Upload() in item.effects:
                item.effects.remove(Upload())
                self._uploading = item
            self._changed.notify_all()

    def _tell(self, item: Item, event: Event) -> None:
        with self._changed:
            self._books.tell(item, event, self._clock())
            self._changed.notify_all()

    def _drop(self, item: Item) -> None:
        with self._changed:
            self._books.drop(item)
            self._changed.notify_all()

    # what is carried out

    def _carry_out(self, item: Item, effect: Effect) -> None:
        match effect:
            case SendJson(session=number):
                self._send_json(item, number)
            case NoteFailure(message=message):
                pause = item.letter.due - self._clock()
                noted = self._carrier.note_failure(item.entry, message, pause)
                if noted is None:
                    self._drop(item)
                else:
                    item.entry = noted
            case Acknowledge() | Refuse():
                self._settle(item, effect)

    def _send_json(self, item: Item, number: int) -> None:
        session = self._session
        frame = self._carrier.frame(item.entry)
        if frame is None:
            self._drop(item)
        elif isinstance(frame, Failed):
            self._tell(item, frame)
        else:
            live = session is not None and session.number == number
            failed = self._carrier.queue(frame, session.send if session and live else None)
            if failed is not None:
                self._tell(item, failed)

    def _settle(self, item: Item, effect: Acknowledge | Refuse) -> None:
        try:
            if isinstance(effect, Acknowledge):
                self._carrier.acknowledge(item.entry)
            else:
                self._carrier.refuse(item.entry, effect.reason, effect.status)
        except (OSError, OutboxError) as error:
            roll = self._carrier.not_carried_out(item.entry, error)
            self._tell(item, NotCarriedOut(roll))
        else:
            self._drop(item)

    # the uploading thread

    def _upload_until_stopped(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._stop.is_set() or self._uploading is not None)
                item = self._uploading
                if item is None or self._stop.is_set():
                    return
            event = self._carrier.upload(item.entry)
            with self._changed:
                self._uploading = None
                if event is None:
                    self._books.drop(item)
                else:
                    self._books.tell(item, event, self._clock())
                self._changed.notify_all()
