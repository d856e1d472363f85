"""The life of a lane as a pure machine: what it is, what happens to it, what is to be done.

::

    Loading ──Loaded──▶ Running ──Answered──▶ Idle ──Begin──▶ Running …
       │     (nothing but the load was asked: Idle at once)
       │                   │ (limit, cancel: asked to stop, then ended by force)
       └───────┬───────────┴──────────┬─────────┘
               ▼                      │ Exited
            Ending ──Exited──▶ Ended ◀┘

A lane is made for a first job, so ``Loading`` has one: what is asked may be no more than to load
the model, which is a job that ends with the load. Every job gets exactly one
:class:`ReportOutcome`. The report of a job that takes the process down comes only once the process
is gone, so that "stopped" is true when it is said. No I/O here.
"""

from __future__ import annotations

from msgspec.structs import replace

from studio_worker_core.lanes import limits
from studio_worker_core.lanes.outcomes import CANCELLED, Faulted, ModelLoaded, Outcome, crashed
from studio_worker_core.lanes.states import (
    Begin,
    Broken,
    CancelAsked,
    Effect,
    EndAsked,
    Ending,
    EngineAnswered,
    EngineLoaded,
    Event,
    Exited,
    Idle,
    LaneEnded,
    Loading,
    Measured,
    ReportOutcome,
    Running,
    Sign,
    State,
    StopAsked,
)

_Step = tuple[State, tuple[Effect | ReportOutcome, ...]]


def step(state: State, event: Event) -> _Step:
    """The next state and what to do."""
    match state:
        case Loading():
            return _loading(state, event)
        case Running():
            return _running(state, event)
        case Idle():
            return _idle(state, event)
        case Ending():
            return _ending(state, event)
        case LaneEnded() if isinstance(event, Begin):
            return state, (ReportOutcome(event.job_id, Faulted("engine", "its process is gone")),)
        case LaneEnded():
            return state, ()


def _loading(state: Loading, event: Event) -> _Step:
    match event:
        case EngineLoaded(at=now) if state.load_only:
            return Idle(now), (ReportOutcome(state.job_id, ModelLoaded()),)
        case EngineLoaded(at=now):
            return Running(state.job_id, now, now), (Effect.SEND_JOB,)
        case EngineAnswered(outcome=Faulted() as failed):
            # An engine that cannot load will fail every job: that counts like a crash.
            failed = replace(failed, crash=failed.fault == "engine")
            return _end(state, event, failed, Effect.SEND_QUIT)
        case EngineAnswered():
            return _broke(state, event, "answered before its model was loaded")
        case CancelAsked() | EndAsked():
            return _end(state, event, CANCELLED, Effect.TERMINATE)
        case Measured():
            late = limits.too_long_to_load(event.limits, event.at - state.since)
            return _end(state, event, late, Effect.TERMINATE) if late else _weighed(state, event)
        case _:
            return _lost(state, event)


def _running(state: Running, event: Event) -> _Step:
    match event:
        case Sign(at=now):
            return replace(state, sign=now), ()
        case EngineAnswered(job_id=job_id, outcome=outcome):
            if job_id != state.job_id:
                return _broke(state, event, "answered for a job it does not have")
            return _answered(state, outcome, event)
        case CancelAsked() | EndAsked():
            return _ask(state, CANCELLED, event.at)
        case Measured():
            return _measured(state, event)
        case EngineLoaded() | Begin():
            return _broke(state, event, "said 'loaded' twice")
        case _:
            return _lost(state, event)


def _measured(state: Running, event: Measured) -> _Step:
    if state.asked is None:
        if slow := limits.too_slow(event.limits, event.at - state.sign, event.at - state.since):
            return _ask(state, slow, event.at)
    elif event.at - state.asked.at >= limits.ASK_SECONDS:
        return _end(state, event, state.asked.outcome, Effect.TERMINATE)
    return _weighed(state, event)


def _answered(state: Running, outcome: Outcome, event: Event) -> _Step:
    healthy = not (isinstance(outcome, Faulted) and outcome.broken)
    if state.asked is not None:
        outcome = state.asked.outcome  # what it is reported as was settled then
    elif isinstance(outcome, Faulted) and outcome.fault == "cancelled":
        outcome, healthy = Faulted("engine", "stopped as if cancelled, though nobody asked"), True
    if healthy:
        return Idle(event.at), (ReportOutcome(state.job_id, outcome),)
    return _end(state, event, outcome, Effect.SEND_QUIT)


def _idle(state: Idle, event: Event) -> _Step:
    match event:
        case Begin(at=now, job_id=job_id):
            return Running(job_id, now, now), (Effect.SEND_JOB,)
        case EndAsked():
            return Ending(None, None, event.at, Effect.SEND_QUIT), (Effect.SEND_QUIT,)
        case Exited():
            return LaneEnded(), ()
        case Broken() | EngineAnswered() | EngineLoaded():
            return Ending(None, None, event.at, Effect.TERMINATE), (Effect.TERMINATE,)
        case _:
            return state, ()


def _ending(state: Ending, event: Event) -> _Step:
    match event:
        case Exited(cause=cause):
            return LaneEnded(), _final(state, cause)
        case Begin(job_id=job_id):
            return state, (ReportOutcome(job_id, Faulted("engine", "its process is ending")),)
        case CancelAsked() if state.outcome is None and state.job_id is not None:
            return replace(state, outcome=CANCELLED), ()
        case Measured() | EndAsked() | Broken():
            return _pushed(state, event.at)
        case _:
            return state, ()


def _pushed(state: Ending, now: float) -> _Step:
    waited = now - state.since
    # A closed channel is nearly always a death whose exit code is about to come.
    patience = limits.FORCE_SECONDS if state.otherwise else limits.ASK_SECONDS
    match state.push:
        case Effect.SEND_QUIT if waited >= patience:
            return replace(state, push=Effect.TERMINATE, since=now), (Effect.TERMINATE,)
        case Effect.TERMINATE if waited >= limits.FORCE_SECONDS:
            return replace(state, push=Effect.KILL, since=now), (Effect.KILL,)
        case Effect.KILL if waited >= limits.GIVE_UP_SECONDS:
            return LaneEnded(), _final(state, "cannot be killed; it is stuck in the kernel")
        case _:
            return state, ()


def _final(state: Ending, cause: str) -> tuple[ReportOutcome, ...]:
    if state.job_id is None:
        return ()
    forced = state.push is not Effect.SEND_QUIT and state.otherwise
    return (ReportOutcome(state.job_id, state.outcome or crashed(forced or cause)),)


def _lost(state: Loading | Running, event: Event) -> _Step:
    """The process or the channel to it is gone in the middle of a job."""
    asked = state.asked.outcome if isinstance(state, Running) and state.asked else None
    match event:
        case Exited(cause=cause):
            return LaneEnded(), (ReportOutcome(state.job_id, asked or crashed(cause)),)
        case Broken(reason=reason, closed=True):
            return Ending(state.job_id, asked, event.at, Effect.SEND_QUIT, otherwise=reason), ()
        case Broken(reason=reason):
            return _end(state, event, asked or crashed(reason), Effect.TERMINATE)
        case _:
            return state, ()


def _ask(state: Running, outcome: Outcome, now: float) -> _Step:
    if state.asked is not None:
        return state, ()
    return replace(state, asked=StopAsked(now, outcome)), (Effect.SEND_CANCEL,)


def _weighed(state: Loading | Running, event: Measured) -> _Step:
    big = limits.too_big(event.limits, memory_gb=event.memory_gb, output_mb=event.output_mb)
    return _end(state, event, big, Effect.KILL) if big else (state, ())


def _end(state: Loading | Running, event: Event, outcome: Outcome, push: Effect) -> _Step:
    return Ending(state.job_id, outcome, event.at, push), (push,)


def _broke(state: Loading | Running, event: Event, what: str) -> _Step:
    return _end(state, event, crashed(f"broke the lane's protocol: it {what}"), Effect.TERMINATE)
