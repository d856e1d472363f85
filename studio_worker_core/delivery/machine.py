"""What to do about one result, as a pure machine: (state, event, now) → (state, effects).

::

    WAITING     Due                 UPLOADING (a file), SENT (a JSON answer)
                Due, not held       REFUSED
    UPLOADING   Uploaded            DELIVERED
    SENT        Acked               DELIVERED
                its session ends    WAITING
    both        SendFailed          WAITING for a pause; REFUSED when that is final
    REFUSED     Found, anew         WAITING
    any other   LeftOutbox          LOST, until the studio has been told

Nothing here touches a disk, a socket or a clock; :mod:`.delivery` carries the effects out and
reports back with the next event. Times are seconds on a monotonic clock.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from studio_worker_core.delivery.states import (
    LONGEST_IN_FRAME,
    Acked,
    Acknowledge,
    DeliveryPhase,
    Due,
    Effect,
    Event,
    Found,
    LeftOutbox,
    NotCarriedOut,
    NoteFailure,
    Refuse,
    SendFailed,
    SendJson,
    SessionClosed,
    State,
    TellLoss,
    Upload,
    Uploaded,
    Welcomed,
)
from studio_worker_core.retrying import Backoff, is_transient_status
from studio_worker_core.storage.disk import shown_bytes

LARGE_BYTES = 8 * 1024 * 1024
"""From this size on it is worth asking whether the job is still ours before uploading."""

_BACKOFF = Backoff(1.0, 300.0, low=0.0, shortest=0.1)
"""Full jitter: a studio that is back is not met by every result of every worker at once."""
_LONGEST_ASKED = 3600.0
_UNHELD = frozenset({404, 409, 410})
"""Answers that say the studio does not hold the job for this worker."""

_Step = tuple[State, tuple[Effect, ...]]

_NOT_HELD = (
    "the studio no longer holds this job for this worker: it was given to others, or the "
    "result arrived and only the acknowledgement was lost"
)


def step(state: State, event: Event, now: float) -> _Step:
    """The state after ``event`` and what is to be done about it.

    Delivered is final; from refused only a fresh acceptance of the same job leads back.
    """
    match state.phase:
        case DeliveryPhase.LOST:
            return _lost(state, event, now)
        case DeliveryPhase.DELIVERED | DeliveryPhase.REFUSED:
            return _finishing(state, event, now)
        case DeliveryPhase.UPLOADING:
            return _uploading(state, event, now)
        case DeliveryPhase.SENT:
            return _sent(state, event, now)
        case DeliveryPhase.WAITING:
            return _waiting(state, event, now)


def has_sender(state: State, on_their_way: Sequence[State], senders: int) -> bool:
    """Whether one of ``senders`` may take it now, beside those that are on their way.

    One attempt at a time for a job. Results that failed before never take the last sender:
    however slow they are, what is new has a way out.
    """
    if any(other.job_id == state.job_id for other in on_their_way):
        return False
    return has_free_sender(state.has_failed, on_their_way, senders)


def has_free_sender(has_failed: bool, on_their_way: Sequence[State], senders: int) -> bool:
    """The part of :func:`has_sender` that is the same for all that failed before, or did not."""
    failed = sum(other.has_failed for other in on_their_way)
    if has_failed and senders > 1 and failed >= senders - 1:
        return False
    return len(on_their_way) < senders


def _waiting(state: State, event: Event, now: float) -> _Step:
    match event:
        case Found(claimed_on=claimed_on):
            return replace(state, claimed_on=claimed_on, due=now), ()
        case Welcomed():
            return replace(state, due=now, failures=0), ()
        case Acked() if state.tried:
            return _delivered(state)
        case SendFailed():
            return _failed(state, event, now)
        case LeftOutbox():
            return _gone(state, event, now)
        case Due() if now >= state.due:
            return _its_turn(state, event)
        case _:
            return state, ()


def _its_turn(state: State, event: Due) -> _Step:
    held = event.session is not None and state.held_by(event.session)
    if not state.is_json:
        if state.bytes > LARGE_BYTES and event.ours is False and not held:
            return _refused(state, _NOT_HELD, None)
        return replace(state, phase=DeliveryPhase.UPLOADING, tried=True), (Upload(),)
    if event.session is None:
        return state, ()
    if not held:
        # Sending it all the same would be a protocol violation (protocol §5).
        return _refused(state, _NOT_HELD, None)
    if state.is_too_long:
        if event.session.takes_json_files:
            return replace(state, phase=DeliveryPhase.UPLOADING, tried=True), (Upload(),)
        return _refused(replace(state, retryable=False), _too_long(state), None)
    number = event.session.number
    sent = replace(state, phase=DeliveryPhase.SENT, sent_on=number, tried=True)
    return sent, (SendJson(number),)


def _uploading(state: State, event: Event, now: float) -> _Step:
    match event:
        case Found(claimed_on=claimed_on):
            return replace(state, claimed_on=claimed_on), ()
        case Acked():
            return replace(state, acked=True), ()
        case Uploaded():
            return _delivered(state)
        case SendFailed() | LeftOutbox() if state.acked:
            return _delivered(state)
        case LeftOutbox():
            return _gone(state, event, now)
        case SendFailed():
            return _failed(replace(state, phase=DeliveryPhase.WAITING), event, now)
        case Welcomed():
            return replace(state, failures=0), ()
        case _:
            return state, ()


def _sent(state: State, event: Event, now: float) -> _Step:
    match event:
        case Acked():
            return _delivered(state)
        case Found(claimed_on=claimed_on) if claimed_on != state.claimed_on:
            # Offered and accepted again on another session, so the studio has not got it.
            return replace(state, phase=DeliveryPhase.WAITING, claimed_on=claimed_on, due=now), ()
        case SendFailed():
            return _failed(replace(state, phase=DeliveryPhase.WAITING), event, now)
        case LeftOutbox():
            return _gone(state, event, now)
        case SessionClosed(number=number) if number == state.sent_on:
            return replace(state, phase=DeliveryPhase.WAITING, sent_on=None, due=now), ()
        case Welcomed(session=session) if session.number != state.sent_on:
            return replace(
                state, phase=DeliveryPhase.WAITING, sent_on=None, due=now, failures=0
            ), ()
        case _:
            return state, ()


def _finishing(state: State, event: Event, now: float) -> _Step:
    match event:
        case Found(claimed_on=claimed_on) if state.phase is DeliveryPhase.REFUSED:
            # The job was accepted anew before the old result was moved away: it counts again.
            return _again(state, claimed_on, now), ()
        case LeftOutbox() if state.phase is DeliveryPhase.REFUSED:
            if state.unheld:
                return state, (TellLoss(state.reason or _NOT_HELD, True, None),)
            return _gone(state, event, now)
        case NotCarriedOut(roll=roll):
            failures = state.failures + 1
            return replace(state, failures=failures, due=now + _BACKOFF.pause(failures, roll)), ()
        case Due() if now >= state.due and state.phase is DeliveryPhase.DELIVERED:
            return state, (Acknowledge(),)
        case Due() if now >= state.due:
            return state, (Refuse(state.reason or _NOT_HELD, state.status),)
        case _:
            return state, ()


def _lost(state: State, event: Event, now: float) -> _Step:
    match event:
        case Due(session=session) if now >= state.due and session is not None:
            number = session.number if state.held_by(session) else None
            return state, (TellLoss(state.reason or "", state.retryable, number),)
        case _:
            return state, ()


def _gone(state: State, event: LeftOutbox, now: float) -> _Step:
    """Told in a turn of its own: without a session it waits for what the next one resumes."""
    lost = replace(state, phase=DeliveryPhase.LOST, reason=event.reason, due=now, failures=0)
    return lost, ()


def _again(state: State, claimed_on: int | None, now: float) -> State:
    return replace(
        state,
        phase=DeliveryPhase.WAITING,
        claimed_on=claimed_on,
        due=now,
        failures=0,
        reason=None,
        status=None,
        unheld=False,
        retryable=True,
    )


def _delivered(state: State) -> _Step:
    return replace(state, phase=DeliveryPhase.DELIVERED, failures=0), (Acknowledge(),)


def _refused(state: State, reason: str, status: int | None) -> _Step:
    refused = replace(
        state,
        phase=DeliveryPhase.REFUSED,
        failures=0,
        reason=reason,
        status=status,
        unheld=status in _UNHELD or reason == _NOT_HELD,
    )
    return refused, (Refuse(reason, status),)


def _failed(state: State, event: SendFailed, now: float) -> _Step:
    if event.aborted:
        return replace(state, due=now), ()
    if event.final:
        return _refused(replace(state, retryable=False), event.message, None)
    status = event.status
    if status is not None and not is_transient_status(status):
        return _refused(state, _why_refused(event.message, status), status)
    failures = state.failures + 1
    pause = _BACKOFF.pause(failures, event.roll)
    if event.retry_after is not None:
        pause = max(pause, min(event.retry_after, _LONGEST_ASKED))
    failed = replace(state, failures=failures, has_failed=True, due=now + pause)
    return failed, (NoteFailure(event.message),)


def _too_long(state: State) -> str:
    return (
        f"the JSON answer has {shown_bytes(state.bytes)} ({state.bytes} bytes), one frame takes "
        f"{shown_bytes(LONGEST_IN_FRAME)}, and this studio takes no JSON answer as a file"
    )


def _why_refused(message: str, status: int) -> str:
    if status == 413:
        return f"the studio says the file is too large; raise its limit, then retry ({message})"
    if status == 409:
        return f"{_NOT_HELD} ({message})"
    return f"the studio refuses it for good ({message})"
