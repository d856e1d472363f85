"""What to do about one result, as a function: (letter, event, now) → (letter, effects).

A letter is one result on its way. Nothing here touches a disk, a socket or a clock; the
postman carries the effects out and reports back with the next event. Times are seconds on
a monotonic clock.
"""

from __future__ import annotations

from msgspec.structs import replace

from studio_worker_core.delivery.letters import (
    Acked,
    Acknowledge,
    Due,
    Effect,
    Event,
    Failed,
    Found,
    Letter,
    NotCarriedOut,
    NoteFailure,
    Phase,
    Refuse,
    SendJson,
    SessionClosed,
    Upload,
    Uploaded,
    Welcomed,
)

__all__ = ["FIRST_PAUSE", "LARGE_BYTES", "LONGEST_PAUSE", "decide"]

FIRST_PAUSE = 1.0
LONGEST_PAUSE = 300.0
LARGE_BYTES = 8 * 1024 * 1024
"""From this size on it is worth asking whether the job is still ours before uploading."""

_SHORTEST_PAUSE = 0.1
_LONGEST_ASKED = 3600.0
_NOT_FINAL = frozenset({401, 408, 425, 429})


_Step = tuple[Letter, tuple[Effect, ...]]

_NOT_HELD = (
    "the studio no longer holds this job for this worker: it was given to others, or the "
    "result arrived and only the acknowledgement was lost"
)


def decide(letter: Letter, event: Event, now: float) -> _Step:
    """The letter after ``event`` and what is to be done about it.

    Delivered is final; from refused only a fresh acceptance of the same job leads back.
    """
    match letter.phase:
        case Phase.DELIVERED | Phase.REFUSED:
            return _finishing(letter, event, now)
        case Phase.UPLOADING:
            return _uploading(letter, event, now)
        case Phase.SENT:
            return _sent(letter, event, now)
        case Phase.WAITING:
            return _waiting(letter, event, now)


def _waiting(letter: Letter, event: Event, now: float) -> _Step:
    match event:
        case Found(claimed_on=claimed_on):
            return replace(letter, claimed_on=claimed_on, due=now), ()
        case Welcomed():
            return replace(letter, due=now, failures=0), ()
        case Acked() if letter.tried:
            return _delivered(letter)
        case Failed():
            return _failed(letter, event, now)
        case Due() if now >= letter.due:
            return _its_turn(letter, event)
        case _:
            return letter, ()


def _its_turn(letter: Letter, event: Due) -> _Step:
    held = event.session is not None and letter.held_by(event.session)
    if not letter.is_json:
        if letter.bytes > LARGE_BYTES and event.ours is False and not held:
            return _refused(letter, _NOT_HELD, None)
        return replace(letter, phase=Phase.UPLOADING, tried=True), (Upload(),)
    if event.session is None:
        return letter, ()
    if not held:
        # Sending it all the same would be a protocol violation (protocol §5).
        return _refused(letter, _NOT_HELD, None)
    number = event.session.number
    sent = replace(letter, phase=Phase.SENT, sent_on=number, tried=True)
    return sent, (SendJson(number),)


def _uploading(letter: Letter, event: Event, now: float) -> _Step:
    match event:
        case Found(claimed_on=claimed_on):
            return replace(letter, claimed_on=claimed_on), ()
        case Acked():
            return replace(letter, acked=True), ()
        case Uploaded():
            return _delivered(letter)
        case Failed() if letter.acked:
            return _delivered(letter)
        case Failed():
            return _failed(replace(letter, phase=Phase.WAITING), event, now)
        case Welcomed():
            return replace(letter, failures=0), ()
        case _:
            return letter, ()


def _sent(letter: Letter, event: Event, now: float) -> _Step:
    match event:
        case Acked():
            return _delivered(letter)
        case Found(claimed_on=claimed_on) if claimed_on != letter.claimed_on:
            # Offered and accepted again on another session, so the studio has not got it.
            return replace(letter, phase=Phase.WAITING, claimed_on=claimed_on, due=now), ()
        case Failed():
            return _failed(replace(letter, phase=Phase.WAITING), event, now)
        case SessionClosed(number=number) if number == letter.sent_on:
            return replace(letter, phase=Phase.WAITING, sent_on=None, due=now), ()
        case Welcomed(session=session) if session.number != letter.sent_on:
            return replace(letter, phase=Phase.WAITING, sent_on=None, due=now, failures=0), ()
        case _:
            return letter, ()


def _finishing(letter: Letter, event: Event, now: float) -> _Step:
    match event:
        case Found(claimed_on=claimed_on) if letter.phase is Phase.REFUSED:
            # The job was accepted anew before the old result was moved away: it counts again.
            return _again(letter, claimed_on, now), ()
        case NotCarriedOut(roll=roll):
            failures = letter.failures + 1
            return replace(letter, failures=failures, due=now + _pause(failures, roll)), ()
        case Due() if now >= letter.due and letter.phase is Phase.DELIVERED:
            return letter, (Acknowledge(),)
        case Due() if now >= letter.due:
            return letter, (Refuse(letter.reason or _NOT_HELD, letter.status),)
        case _:
            return letter, ()


def _again(letter: Letter, claimed_on: int | None, now: float) -> Letter:
    return replace(
        letter,
        phase=Phase.WAITING,
        claimed_on=claimed_on,
        due=now,
        failures=0,
        reason=None,
        status=None,
    )


def _delivered(letter: Letter) -> _Step:
    return replace(letter, phase=Phase.DELIVERED, failures=0), (Acknowledge(),)


def _refused(letter: Letter, reason: str, status: int | None) -> _Step:
    refused = replace(letter, phase=Phase.REFUSED, failures=0, reason=reason, status=status)
    return refused, (Refuse(reason, status),)


def _failed(letter: Letter, event: Failed, now: float) -> _Step:
    if event.aborted:
        return replace(letter, due=now), ()
    if event.final:
        return _refused(letter, event.message, None)
    status = event.status
    if status is not None and 400 <= status < 500 and status not in _NOT_FINAL:
        return _refused(letter, _why_refused(event.message, status), status)
    failures = letter.failures + 1
    # Without valid credentials nothing changes soon; a welcome makes it due at once.
    pause = LONGEST_PAUSE if status == 401 else _pause(failures, event.roll)
    if event.retry_after is not None:
        pause = max(pause, min(event.retry_after, _LONGEST_ASKED))
    return replace(letter, failures=failures, due=now + pause), (NoteFailure(event.message),)


def _why_refused(message: str, status: int) -> str:
    if status == 413:
        return f"the studio says the file is too large; raise its limit, then retry ({message})"
    if status == 409:
        return f"{_NOT_HELD} ({message})"
    return f"the studio refuses it for good ({message})"


def _pause(failures: int, roll: float) -> float:
    """Full jitter: anything up to the doubled pause, so that workers do not come in step."""
    ceiling = min(FIRST_PAUSE * 2.0 ** min(failures - 1, 30), LONGEST_PAUSE)
    return max(_SHORTEST_PAUSE, ceiling * roll)
