"""What a session does next: a pure function from (state, event) to (state, effects).

Protocol §3, rules. No clock, no socket, no thread: times come in with the events, in
seconds of any monotonic clock.
"""

from __future__ import annotations

from enum import Enum

from msgspec import Struct, structs

from studio_worker_core.errors import BadFrame
from studio_worker_core.session.endings import (
    EndReason,
    FinalRefusal,
    SessionEnded,
    error_in_words,
    refusal_for_close,
    refusal_for_error,
)
from studio_worker_core.session.timings import Timings
from studio_worker_core.wire.frames import (
    Cancel,
    CompleteAck,
    ErrorFrame,
    FailAck,
    HeartbeatAck,
    Offer,
    StudioFrame,
    Welcome,
)
from studio_worker_core.wire.identifiers import unusable_id


class SessionPhase(Enum):
    """Where a session stands."""

    GREETING = "greeting"
    """``hello`` is out, ``welcome`` is not in: nothing else may be sent."""
    OPEN = "open"
    OVER = "over"


class State(Struct, frozen=True):
    """All that a session remembers."""

    phase: SessionPhase
    heard_at: float
    """When the last frame of any kind came from the studio."""
    heartbeat_at: float
    logs_at: float
    timings: Timings = Timings()
    features: frozenset[str] = frozenset()
    """What the studio said it understands (protocol §3.1)."""


# events


class Arrived(Struct, frozen=True):
    """A readable frame from the studio, and when it was read."""

    frame: StudioFrame
    at: float
    notes: tuple[str, ...] = ()
    """What of an offer is not read as it came."""


class Unreadable(Struct, frozen=True):
    """A message that is no frame of the protocol."""

    error: BadFrame
    at: float


class Ticked(Struct, frozen=True):
    """Time has passed. ``heard_at`` is when the reader last saw a frame."""

    at: float
    heard_at: float


class SocketClosed(Struct, frozen=True):
    """The connection is gone; ``code`` and ``reason`` are the studio's, if it sent them."""

    code: int | None
    reason: str
    detail: str


class StopAsked(Struct, frozen=True):
    """This side wants the session to end."""


Event = Arrived | Unreadable | Ticked | SocketClosed | StopAsked


# effects

HandlerFrame = Welcome | Offer | CompleteAck | FailAck | Cancel
"""The frames that are for the rest of the worker; the others are the session's own."""


class SayHello(Struct, frozen=True):
    """Send ``hello``."""


class Beat(Struct, frozen=True):
    """Send a heartbeat."""


class ShipLogs(Struct, frozen=True):
    """Send a batch of log entries, if there are any."""


class Tell(Struct, frozen=True):
    """Hand a frame to the handler."""

    frame: HandlerFrame
    notes: tuple[str, ...] = ()
    """Lines for the log of an offered job."""


class BadOffer(Struct, frozen=True):
    """Answer an offer that cannot be read with a final ``fail``, when its job is known (§3)."""

    job_id: str | None
    reason: str


class Skip(Struct, frozen=True):
    """Log that a frame was not acted on."""

    reason: str


class End(Struct, frozen=True):
    """The session is over."""

    ending: SessionEnded | FinalRefusal


Effect = SayHello | Beat | ShipLogs | Tell | BadOffer | Skip | End


def begin(now: float, timings: Timings | None = None) -> tuple[State, tuple[Effect, ...]]:
    """The state of a fresh session, and its first effect: ``hello`` at once."""
    return State(SessionPhase.GREETING, now, now, now, timings or Timings()), (SayHello(),)


def due(state: State) -> float:
    """When the next :class:`Ticked` matters, should nothing else happen before."""
    silent_at = state.heard_at + state.timings.silence
    if state.phase is SessionPhase.OPEN:
        return min(silent_at, state.heartbeat_at, state.logs_at)
    return silent_at


def step(state: State, event: Event) -> tuple[State, tuple[Effect, ...]]:
    """One transition. Nothing has an effect once the session is over."""
    if state.phase is SessionPhase.OVER:
        return state, ()
    match event:
        case Arrived(frame, at, notes):
            return _arrived(_heard(state, at), frame, at, notes)
        case Unreadable(error, at):
            return _heard(state, at), (_unreadable(state, error),)
        case Ticked(at, heard_at):
            return _ticked(_heard(state, heard_at), at)
        case SocketClosed(code, reason, detail):
            refusal = refusal_for_close(code, reason)
            return _over(state, refusal or _ended(state, EndReason.DISCONNECTED, detail))
        case StopAsked():
            return _over(state, _ended(state, EndReason.STOPPED, "this worker closed the session"))


def _arrived(
    state: State, frame: StudioFrame, at: float, notes: tuple[str, ...]
) -> tuple[State, tuple[Effect, ...]]:
    if isinstance(frame, ErrorFrame):
        refusal = refusal_for_error(frame)
        return _over(state, refusal or _ended(state, EndReason.DISCONNECTED, error_in_words(frame)))
    if state.phase is SessionPhase.GREETING:
        if not isinstance(frame, Welcome):
            return state, (Skip(f"{_name(frame)} frame before welcome"),)
        opened = structs.replace(
            state,
            phase=SessionPhase.OPEN,
            features=frozenset(frame.features),
            heartbeat_at=at + state.timings.heartbeat,
            logs_at=at + state.timings.logs,
        )
        return opened, (Tell(frame),)
    match frame:
        case HeartbeatAck():
            return state, ()
        case Welcome():
            return state, (Skip("a second welcome frame"),)
        case Cancel() if "cancel" not in state.features:
            return state, (Skip("cancel frame from a studio without the feature"),)
        case Offer(claim) if (reason := unusable_id(claim.job_id)) is not None:
            return state, (BadOffer(claim.job_id, f"its job id cannot be used: {reason}"),)
        case Offer() | CompleteAck() | FailAck() | Cancel():
            return state, (Tell(frame, notes),)


def _heard(state: State, at: float) -> State:
    return structs.replace(state, heard_at=max(state.heard_at, at))


def _unreadable(state: State, error: BadFrame) -> Effect:
    if error.frame_type == "offer" and state.phase is SessionPhase.OPEN:
        return BadOffer(error.job_id, error.reason)
    return Skip(str(error))


def _ticked(state: State, at: float) -> tuple[State, tuple[Effect, ...]]:
    if at - state.heard_at >= state.timings.silence:
        detail = f"no frame from the studio for {at - state.heard_at:.0f} s"
        return _over(state, _ended(state, EndReason.SILENT, detail))
    if state.phase is not SessionPhase.OPEN:
        return state, ()
    effects: list[Effect] = []
    # The next beat counts from now, not from when this one was due: a worker that was
    # suspended sends one heartbeat, not one for each it missed.
    if at >= state.heartbeat_at:
        effects.append(Beat())
        state = structs.replace(state, heartbeat_at=at + state.timings.heartbeat)
    if at >= state.logs_at:
        effects.append(ShipLogs())
        state = structs.replace(state, logs_at=at + state.timings.logs)
    return state, tuple(effects)


def _over(state: State, ending: SessionEnded | FinalRefusal) -> tuple[State, tuple[Effect, ...]]:
    return structs.replace(state, phase=SessionPhase.OVER), (End(ending),)


def _ended(state: State, reason: EndReason, detail: str) -> SessionEnded:
    return SessionEnded(reason, detail, welcomed=state.phase is SessionPhase.OPEN)


def _name(frame: StudioFrame) -> str:
    return str(type(frame).__struct_config__.tag)
