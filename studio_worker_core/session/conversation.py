"""A session: what the worker says to the studio and hears from it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from msgspec import structs
from websockets.sync.connection import Connection

from studio_worker_core.errors import WireError
from studio_worker_core.redaction import without_secrets
from studio_worker_core.secrets import Secret
from studio_worker_core.session import machine
from studio_worker_core.session.endings import EndReason, FinalRefusal, SessionEnded
from studio_worker_core.session.handler import JobFrame, SessionHandler
from studio_worker_core.session.outgoing import Outgoing
from studio_worker_core.session.timings import Timings
from studio_worker_core.session.transport import Transport
from studio_worker_core.wire.bounds import MAX_FRAME_BYTES, MAX_LINE, MAX_NOTE
from studio_worker_core.wire.codec import encode_text
from studio_worker_core.wire.frames import (
    Accept,
    CompleteAck,
    CompleteJson,
    Fail,
    FailAck,
    Heartbeat,
    Hello,
    LogBatch,
    Offer,
    Progress,
    Reject,
    Welcome,
)

_log = logging.getLogger("studio_worker.session")

_LOGS_PER_BATCH = 100
_UNFINISHED_AT_MOST = 10_000
_JOIN_SECONDS = 10.0


class Session:
    """One session on an open connection, from ``hello`` to the end (protocol §3).

    ``token`` is the worker's auth token, ``number`` counts the sessions of this process,
    ``clock`` gives seconds of a monotonic clock, ``on_welcomed`` is called once when the
    studio has let the worker in. The session owns ``connection`` from :meth:`run` on.
    """

    def __init__(
        self,
        connection: Connection,
        handler: SessionHandler,
        token: Secret,
        *,
        number: int = 1,
        timings: Timings | None = None,
        clock: Callable[[], float] = time.monotonic,
        on_welcomed: Callable[[], None] | None = None,
    ) -> None:
        self.number = number
        self._handler = handler
        self._token = token
        self._timings = timings or Timings()
        self._clock = clock
        self._on_welcomed = on_welcomed
        self._features: frozenset[str] = frozenset()
        self._open = threading.Event()
        self._was_welcomed = False
        self._notes: tuple[str, tuple[str, ...]] = ("", ())
        self._closing = threading.Event()
        self._outgoing = Outgoing(
            encode_text, clock=clock, progress_interval=self._timings.progress
        )
        self._transport = Transport(connection, self._outgoing, clock, f"session-{number}")

    @property
    def features(self) -> frozenset[str]:
        """What the studio said it understands; empty before ``welcome`` (protocol §3.1)."""
        return self._features

    def send(self, frame: JobFrame) -> bool:
        """Queue a frame, from any thread. ``False`` before ``welcome`` and after the end.

        A progress report is silently dropped for a studio without the feature and held
        back so that at most one per :attr:`.Timings.progress` goes out. A session whose
        queue overflows is ended: its studio has stopped reading.

        Raises:
            WireError: the frame is longer than any studio reads (``MAX_FRAME_BYTES``).
        """
        if not self._open.is_set():
            return False
        frame = _clipped(frame)
        if isinstance(frame, CompleteJson) and "meta" not in self._features:
            frame = structs.replace(frame, meta=None)
        if isinstance(frame, Progress):
            return "progress" not in self._features or self._outgoing.put_progress(frame)
        text = encode_text(frame)
        if _is_too_long(text):
            raise WireError(type(frame).__name__, f"longer than {MAX_FRAME_BYTES} bytes")
        ends = frame.job_id if isinstance(frame, CompleteJson | Fail | Reject) else None
        if isinstance(frame, Accept):
            self._note(frame.job_id)
        if self._outgoing.put(text, ends_job=ends):
            return True
        self._overflowed()
        return False

    def close(self) -> None:
        """End the session as ``stop`` would. Returns at once; any thread may call it."""
        self._closing.set()

    def run(self, stop: threading.Event) -> SessionEnded:
        """Hold the session until it ends or ``stop`` is set; what is queued still goes out.

        Raises:
            SessionRefused: the studio ended it for good; reconnecting would not help.
        """
        self._transport.start()
        ending: SessionEnded | FinalRefusal | None = None
        try:
            ending = self._converse(stop)
        finally:
            self._open.clear()
            self._wind_down(ending)
            self._handler.on_closed(self)
        if isinstance(ending, FinalRefusal):
            raise ending.error()
        return ending

    def _converse(self, stop: threading.Event) -> SessionEnded | FinalRefusal:
        state, effects = machine.begin(self._clock(), self._timings)
        while True:
            for effect in effects:
                if isinstance(effect, machine.End):
                    return self._explained(effect.ending)
                self._perform(effect)
            event = self._next_event(machine.due(state), stop)
            state, effects = machine.step(state, event)
            now = self._clock()
            # A studio that sends without a pause must not hold up the heartbeats.
            if now >= machine.due(state):
                ticked = machine.Ticked(now, self._transport.heard_at)
                state, more = machine.step(state, ticked)
                effects += more

    def _next_event(self, due_at: float, stop: threading.Event) -> machine.Event:
        while True:
            if stop.is_set() or self._closing.is_set():
                return machine.StopAsked()
            now = self._clock()
            event = self._transport.next(min(due_at - now, self._timings.stop_poll))
            if event is not None:
                return event
            now = self._clock()
            if now >= due_at:
                return machine.Ticked(now, self._transport.heard_at)

    def _perform(self, effect: machine.Effect) -> None:
        match effect:
            case machine.SayHello():
                self._say_hello()
            case machine.Beat():
                beat = Heartbeat(self._handler.capabilities(), self._handler.current_job_id())
                self._queue(encode_text(beat))
                self._handler.heartbeat_sent()
            case machine.ShipLogs():
                self._ship_logs()
            case machine.Tell(frame, notes):
                self._tell(frame, notes)
            case machine.BadOffer(job_id, reason):
                _log.warning("unreadable offer: %s", reason, extra={"job_id": job_id})
                self._fail_bad_offer(job_id, reason)
            case machine.Skip(reason):
                _log.warning("skipped a frame from the studio: %s", reason)

    def _say_hello(self) -> None:
        unfinished = self._handler.unfinished_jobs()[:_UNFINISHED_AT_MOST]
        hello = Hello(self._token.reveal(), self._handler.capabilities(), unfinished)
        self._queue(encode_text(hello))

    def _ship_logs(self) -> bool:
        """Queue one batch; whether there was one to queue."""
        # One batch at a time: while the studio is slow to read, the entries wait where
        # they are bounded, and what matters more goes first.
        if not self._outgoing.is_idle:
            return False
        entries = self._handler.take_logs(_LOGS_PER_BATCH)
        if not entries:
            return False
        text = encode_text(LogBatch(entries))
        if _is_too_long(text):
            _log.warning("dropped %d log entries too long to ship", len(entries))
            return True
        if not self._outgoing.put(text, logs=entries):
            self._handler.put_back_logs(entries)
            return False
        return True

    def _tell(self, frame: machine.HandlerFrame, notes: tuple[str, ...]) -> None:
        match frame:
            case Welcome(features=features):
                self._features = frozenset(features)
                self._was_welcomed = True
                self._open.set()
                if self._on_welcomed is not None:
                    self._on_welcomed()
            case Offer(claim):
                self._notes = (claim.job_id, notes)
            case CompleteAck(job_id) | FailAck(job_id):
                self._outgoing.forget(job_id)
            case _:
                pass
        self._handler.on_frame(self, frame)

    def _fail_bad_offer(self, job_id: str | None, reason: str) -> None:
        if job_id is None:
            return
        try:
            self.send(Fail(job_id, f"the offer cannot be read: {reason}", retryable=False))
        except WireError as error:
            _log.warning("an offer is not answered, its job id is too long: %s", error)

    def _note(self, accepted: str) -> None:
        # Only now: a job that is turned down comes again, with the same to be said of it.
        job_id, notes = self._notes
        for note in notes if job_id == accepted else ():
            _log.warning("job %s: the offer's %s", job_id, note, extra={"job_id": job_id})

    def _queue(self, text: str) -> None:
        if not self._outgoing.put(text):
            self._overflowed()

    def _overflowed(self) -> None:
        if not self._outgoing.is_finishing:
            self._transport.sever("the studio does not take what this worker sends")

    def _explained(self, ending: SessionEnded | FinalRefusal) -> SessionEnded | FinalRefusal:
        why = self._transport.severed_why
        if why is not None and isinstance(ending, SessionEnded):
            return structs.replace(ending, detail=why)
        return ending

    def _wind_down(self, ending: SessionEnded | FinalRefusal | None) -> None:
        reason = ending.reason if isinstance(ending, SessionEnded) else None
        patience = self._timings.goodbye
        if reason is EndReason.STOPPED:
            patience = self._timings.flush
            if self._was_welcomed:
                self._flush_logs(patience / 2)
            self._outgoing.finish()
        else:
            self._give_back_logs()
            if ending is None or reason is EndReason.SILENT:
                self._transport.sever()
        if not self._transport.join(patience):
            self._transport.sever()
            if not self._transport.join(_JOIN_SECONDS):
                _log.error("session %d left a thread behind", self.number)
        self._give_back_logs()

    def _flush_logs(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while self._outgoing.wait_idle(max(deadline - time.monotonic(), 0.0)):
            if not self._ship_logs():
                return

    def _give_back_logs(self) -> None:
        unsent = self._outgoing.abandon()
        if unsent:
            self._handler.put_back_logs(unsent)


def _is_too_long(text: str) -> bool:
    return len(text) > MAX_FRAME_BYTES // 4 and len(text.encode()) > MAX_FRAME_BYTES


def _clipped(frame: JobFrame) -> JobFrame:
    # The peer refuses a frame with a longer text; an error cut short says more than none.
    match frame:
        case Fail(error=error):
            return structs.replace(frame, error=without_secrets(error)[:MAX_NOTE])
        case Reject(reason=reason):
            return structs.replace(frame, reason=without_secrets(reason)[:MAX_LINE])
        case Progress(message=str(message)):
            return structs.replace(frame, message=without_secrets(message)[:MAX_LINE])
        case _:
            return frame
