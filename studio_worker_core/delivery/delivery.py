"""The delivery: what it is told, and the threads that decide and send."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from functools import partial

from studio_worker_core.delivery.machine import LARGE_BYTES
from studio_worker_core.delivery.queue import Queue
from studio_worker_core.delivery.queued import DeliverySession, QueuedResult
from studio_worker_core.delivery.rescan import Rescan
from studio_worker_core.delivery.sender import Complete, Sender
from studio_worker_core.delivery.settling import Settled, Settling, about
from studio_worker_core.delivery.states import (
    Acknowledge,
    Effect,
    LeftOutbox,
    NotCarriedOut,
    NoteFailure,
    Refuse,
    SendJson,
    SessionView,
    TellLoss,
)
from studio_worker_core.delivery.syncing import Syncing
from studio_worker_core.errors import OutboxError
from studio_worker_core.outbox import Entry, Outbox
from studio_worker_core.wire.frames import Fail

_log = logging.getLogger("studio_worker.delivery")
_LONGEST_REASON = 2000


class Delivery:
    """Delivers what is in the outbox, oldest first, for as long as it takes.

    Each of ``completes`` is called by a thread of its own: ``complete(entry, abort)`` uploads
    one result and raises StudioError; it looks at ``abort()`` while it does and gives up with
    any error once that is true. Two results of one job are never on their way at once.
    ``is_ours(job_id)`` says whether the studio still holds the job for us (None: unknown).
    ``may_send(entry)`` says whether it was made under an identity that this worker still has:
    what was not is kept and reported, not sent. Without it everything is sent.
    ``on_settled`` is told of every result that left; ``guard`` runs each thread's body.

    One thread decides, and changes the outbox as was decided. Files, sockets and callbacks are
    only touched outside the queue's lock, so every method returns at once.
    """

    def __init__(
        self,
        outbox: Outbox,
        completes: Sequence[Complete],
        stop: threading.Event,
        *,
        may_send: Callable[[Entry], bool] = lambda _entry: True,
        is_ours: Callable[[str], bool | None] = lambda _job_id: None,
        on_settled: Callable[[Settled], None] = lambda _settled: None,
        clock: Callable[[], float] = time.monotonic,
        roll: Callable[[], float] = random.random,
        rescan_seconds: float = 3.0,
        guard: Callable[[Callable[[], None]], None] = lambda body: body(),
    ) -> None:
        self._stop = stop
        self._is_ours = is_ours
        self._may_send = may_send
        self._roll = roll
        self._queue = queue = Queue(outbox.boot, clock, senders=len(completes))
        self._settling = Settling(outbox, on_settled)
        self._sender = sender = Sender(outbox, self._settling, stop, roll)
        self._syncing = Syncing(outbox, clock)
        self._rescan = Rescan(outbox, queue, self._settling, may_send, rescan_seconds)
        self._busy = True
        bodies: dict[str, Callable[[], None]] = {"delivery": self._decide_until_stopped}
        for number, complete in enumerate(completes, 1):
            bodies[f"upload-{number}"] = partial(sender.upload_until_stopped, queue, complete)
        self._threads = [
            threading.Thread(target=guard, args=(body,), name=name, daemon=True)
            for name, body in bodies.items()
        ]

    def start(self) -> None:
        """Start the threads; what is pending on disk is known from here on."""
        self._rescan.look()
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
        """A new finished result, or one whose job was accepted anew: deliver it now, and sync it
        if that takes longer than a moment."""
        self._syncing.add(entry)
        if self._may_send(entry):  # else found, counted and reported at the next look at the disk
            self._queue.take_in(entry)

    def on_welcome(
        self,
        session: DeliverySession,
        resume_known: bool,
        resume: AbstractSet[str],
        *,
        takes_json_files: bool = False,
    ) -> None:
        """A session began. ``resume``: the jobs the studio still holds for this worker;
        ``resume_known``: whether it knows the feature (protocol §3.1); ``takes_json_files``:
        whether a JSON answer too long for a frame may go to ``/complete``."""
        held = frozenset(resume) if resume_known else frozenset()
        self._queue.welcome(session, SessionView(session.number, held, takes_json_files))

    def on_closed(self, session: DeliverySession) -> None:
        """A session ended."""
        self._queue.closed(session.number)

    def on_complete_ack(self, job_id: str) -> None:
        """The studio acknowledged a job."""
        self._queue.acknowledged(job_id)

    def pending_ids(self) -> list[str]:
        """Job ids of everything not yet delivered, oldest first (``hello.unfinishedJobs``)."""
        return self._queue.pending_ids()

    def pending_count(self) -> int:
        """How many :meth:`pending_ids` are, without looking at each of them."""
        return self._queue.pending_count()

    def in_flight(self) -> str | None:
        """The job whose result is being sent, waits for its ack, or is next to be sent."""
        return self._queue.in_flight()

    def flush(self, timeout: float) -> bool:
        """Wait (seconds) until nothing more can be delivered now: all is, or what is left
        backs off after a failure or needs another session. True when all is delivered."""
        with self._queue.changed:
            self._queue.changed.wait_for(
                lambda: self._stop.is_set() or (not self._busy and self._queue.is_quiet()), timeout
            )
            return not self._busy and len(self._queue) == 0

    def _wake_at_stop(self) -> None:
        self._stop.wait()
        self._queue.wake_everybody()

    def _decide_until_stopped(self) -> None:
        queue = self._queue
        while not self._stop.is_set():
            self._rescan.look()
            self._syncing.look()
            with queue.changed:
                decided = queue.next_effect()
                due = queue.next_due() if decided is None else None
                self._busy = decided is not None or due is not None
                if not self._busy:
                    queue.changed.notify_all()
                    if not self._stop.is_set():
                        queue.changed.wait(self._seconds_to_wait())
            if decided is not None:
                self._carry_out(*decided)
            elif due is not None:
                is_large = due.state.is_for_upload and due.state.bytes > LARGE_BYTES
                queue.give_turn(due, self._is_ours(due.state.job_id) if is_large else None)
        self._syncing.finish()

    def _seconds_to_wait(self) -> float:
        times = (self._rescan.due, self._queue.next_time(), self._syncing.due)
        return max(min(time for time in times if time is not None) - self._queue.clock(), 0.001)

    def _carry_out(self, result: QueuedResult, effect: Effect) -> None:
        match effect:
            case SendJson(session=number):
                failed = self._sender.send_json(result.entry, self._send_on(number))
                if failed is not None:
                    self._queue.tell(result, failed)
            case NoteFailure(message=message):
                pause = result.state.due - self._queue.clock()
                noted = self._settling.note_failure(result.entry, message, pause)
                if noted is None:
                    self._queue.tell(result, self._settling.missing(result.entry))
                else:
                    result.entry = noted
            case Acknowledge() | Refuse():
                self._settle(result, effect)
            case TellLoss(session=number):
                if number is not None and (send := self._send_on(number)) is not None:
                    reason = effect.reason[:_LONGEST_REASON]
                    self._sender.send(Fail(result.state.job_id, reason, effect.retryable), send)
                self._queue.let_go(result)

    def _settle(self, result: QueuedResult, effect: Acknowledge | Refuse) -> None:
        entry = result.entry
        try:
            if isinstance(effect, Acknowledge):
                self._settling.acknowledge(entry)
                self._syncing.forget(entry)
            else:
                self._settling.refuse(entry, effect.reason, effect.status)
        except (OSError, OutboxError) as error:
            _log.error(
                "the outbox entry of job %s cannot be changed, tried again later: %s",
                entry.job_id,
                error,
                extra=about(entry),
            )
            self._queue.tell(result, NotCarriedOut(self._roll()))
        else:
            if isinstance(effect, Acknowledge):
                self._queue.drop(result)
            else:
                self._queue.tell(result, LeftOutbox(effect.reason))

    def _send_on(self, number: int) -> Callable[[object], bool] | None:
        session = self._queue.session
        return session.send if session is not None and session.number == number else None
