"""The life of a lane as a pure machine: (state, event, now) → (state, effects).

::

    Loading ──Loaded──▶ Running ──Answered──▶ Idle ──Begin──▶ Running …
       │                   │ (limit, cancel: asked to stop, then ended by force)
       └───────┬───────────┴──────────┬─────────┘
               ▼                      │ Exited
            Ending ──Exited──▶ Ended ◀┘

A lane is made for a first job, so ``Loading`` has one. Every job gets exactly one
:class:`Report`. The report of a job that takes the process down comes only once the process
is gone, so that "stopped" is true when it is said. No I/O here.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from studio_worker_core.engines.lane_life import (
    Answered,
    Asked,
    Begin,
    Broken,
    CancelAsked,
    Effect,
    Effects,
    EndAsked,
    Ended,
    Ending,
    Event,
    Exited,
    Force,
    Idle,
    Loaded,
    Loading,
    Measured,
    Report,
    Running,
    Sign,
    State,
)
from studio_worker_core.engines.outcomes import Completed, Faulted, Outcome

__all__ = ["ASK_SECONDS", "FORCE_SECONDS", "GIVE_UP_SECONDS", "step"]

ASK_SECONDS = 1.0
"""How long a job that was asked to stop may go on before SIGTERM."""

FORCE_SECONDS = 0.5
"""From SIGTERM to SIGKILL."""

GIVE_UP_SECONDS = 10.0
"""After SIGKILL: a process stuck in the kernel is left behind, the worker goes on."""


_Step = tuple[State, Effects]

_CANCELLED = Faulted("cancelled", "cancelled")


def step(state: State, event: Event, now: float) -> _Step:
    """The next state and what to do. ``now`` is in seconds and never goes back."""
    match state:
        case Loading():
            return _loading(state, event, now)
        case Running():
            return _running(state, event, now)
        case Idle():
            return _idle(state, event, now)
        case Ending():
            return _ending(state, event, now)
        case Ended():
            if isinstance(event, Begin):
                return state, (Report(event.job_id, Faulted("engine", "its process is gone")),)
            return state, ()


def _loading(state: Loading, event: Event, now: float) -> _Step:
    end = _ender(state.job_id, now)
    match event:
        case Loaded():
            return Running(state.job_id, now, now), (Effect.SEND_JOB,)
        case Answered(outcome=outcome):
            if isinstance(outcome, Completed):
                return end(_protocol("answered before its model was loaded"), Force.TERMINATED)
            # An engine that cannot load will fail every job: that counts like a crash.
            failed = replace(outcome, crash=outcome.fault == "engine")
            return end(failed, Force.ASKED)
        case CancelAsked() | EndAsked():
            return end(_CANCELLED, Force.TERMINATED)
        case Measured(limits=limits):
            if _over(now - state.since, limits.load_seconds):
                text = (
                    f"loading the model took longer than {limits.load_seconds:g} s "
                    "(limits.load_seconds)"
                )
                return end(Faulted("timeout", text, crash=True), Force.TERMINATED)
            return _too_big(state, event, now)
        case _:
            return _lost(state, event, now)


def _running(state: Running, event: Event, now: float) -> _Step:
    end = _ender(state.job_id, now)
    match event:
        case Sign():
            return replace(state, sign=now), ()
        case Answered(job_id=job_id, outcome=outcome):
            if job_id != state.job_id:
                return end(_protocol("answered for a job it does not have"), Force.TERMINATED)
            return _answered(state, outcome, now)
        case CancelAsked() | EndAsked():
            return _ask(state, _CANCELLED, now)
        case Measured():
            return _measured(state, event, now)
        case Loaded() | Begin():
            return end(_protocol("said 'loaded' twice"), Force.TERMINATED)
        case _:
            return _lost(state, event, now)


def _measured(state: Running, event: Measured, now: float) -> _Step:
    limits = event.limits
    if state.asked is not None:
        if now - state.asked.at >= ASK_SECONDS:
            return _ender(state.job_id, now)(state.asked.outcome, Force.TERMINATED)
    elif _over(now - state.sign, limits.idle_seconds):
        text = f"no progress for {limits.idle_seconds:g} s (limits.idle_seconds)"
        return _ask(state, Faulted("timeout", text, crash=True), now)
    elif _over(now - state.since, limits.total_seconds):
        text = f"took longer than {limits.total_seconds:g} s (limits.total_seconds)"
        return _ask(state, Faulted("timeout", text), now)
    return _too_big(state, event, now)


def _answered(state: Running, outcome: Outcome, now: float) -> _Step:
    if state.asked is not None:
        # It was asked to stop: what it is reported as was settled then.
        outcome, answer = state.asked.outcome, outcome
        healthy = not (isinstance(answer, Faulted) and answer.broken)
    elif isinstance(outcome, Faulted) and outcome.fault == "cancelled":
        outcome = Faulted("engine", "stopped as if cancelled, though nobody asked")
        healthy = True
    else:
        healthy = not (isinstance(outcome, Faulted) and outcome.broken)
    if healthy:
        return Idle(now), (Report(state.job_id, outcome),)
    return _ender(state.job_id, now)(outcome, Force.ASKED)


def _idle(state: Idle, event: Event, now: float) -> _Step:
    match event:
        case Begin(job_id=job_id):
            return Running(job_id, now, now), (Effect.SEND_JOB,)
        case EndAsked():
            return Ending(None, None, now, Force.ASKED), (Effect.SEND_QUIT,)
        case Exited():
            return Ended(), ()
        case Broken() | Answered() | Loaded():
            return Ending(None, None, now, Force.TERMINATED), (Effect.TERMINATE,)
        case _:
            return state, ()


def _ending(state: Ending, event: Event, now: float) -> _Step:
    match event:
        case Exited(cause=cause):
            return Ended(), _final(state, cause)
        case Begin(job_id=job_id):
            return state, (Report(job_id, Faulted("engine", "its process is ending")),)
        case CancelAsked() if state.outcome is None and state.job_id is not None:
            return replace(state, outcome=_CANCELLED), ()
        case Measured() | EndAsked() | Broken():
            waited = now - state.since
            if state.force is Force.ASKED and waited >= _patience(state):
                return replace(state, force=Force.TERMINATED, since=now), (Effect.TERMINATE,)
            if state.force is Force.TERMINATED and waited >= FORCE_SECONDS:
                return replace(state, force=Force.KILLED, since=now), (Effect.KILL,)
            if state.force is Force.KILLED and waited >= GIVE_UP_SECONDS:
                return Ended(), _final(state, "cannot be killed; it is stuck in the kernel")
            return state, ()
        case _:
            return state, ()


def _patience(state: Ending) -> float:
    # A closed channel is nearly always a death whose exit code is about to come.
    return FORCE_SECONDS if state.otherwise else ASK_SECONDS


def _final(state: Ending, cause: str) -> Effects:
    if state.job_id is None:
        return ()
    if state.outcome is not None:
        return (Report(state.job_id, state.outcome),)
    if state.force is not Force.ASKED and state.otherwise:
        cause = state.otherwise
    return (Report(state.job_id, Faulted("engine", cause, crash=True)),)


def _lost(state: Loading | Running, event: Event, now: float) -> _Step:
    """The process or the channel to it is gone in the middle of a job."""
    asked = state.asked.outcome if isinstance(state, Running) and state.asked else None
    match event:
        case Exited(cause=cause):
            outcome = asked or Faulted("engine", cause, crash=True)
            return Ended(), (Report(state.job_id, outcome),)
        case Broken(reason=reason, closed=True):
            return Ending(state.job_id, asked, now, Force.ASKED, otherwise=reason), ()
        case Broken(reason=reason):
            outcome = asked or Faulted("engine", reason, crash=True)
            return _ender(state.job_id, now)(outcome, Force.TERMINATED)
        case _:
            return state, ()


def _ask(state: Running, outcome: Outcome, now: float) -> _Step:
    if state.asked is not None:
        return state, ()
    return replace(state, asked=Asked(now, outcome)), (Effect.SEND_CANCEL,)


def _too_big(state: Loading | Running, event: Measured, now: float) -> _Step:
    limits = event.limits
    end = _ender(state.job_id, now)
    if _over(event.memory_gb, limits.memory_gb):
        text = (
            f"used {event.memory_gb:.2f} GB of memory, more than the {limits.memory_gb:g} GB "
            "allowed (limits.memory_gb)"
        )
        return end(Faulted("engine", text), Force.KILLED)
    if _over(event.output_mb, limits.output_mb):
        text = (
            f"wrote {event.output_mb:.0f} MB, more than the {limits.output_mb:g} MB allowed "
            "(limits.output_mb)"
        )
        return end(Faulted("engine", text), Force.KILLED)
    return state, ()


def _ender(job_id: str, now: float) -> Callable[[Outcome, Force], _Step]:
    pushes = {
        Force.ASKED: Effect.SEND_QUIT,
        Force.TERMINATED: Effect.TERMINATE,
        Force.KILLED: Effect.KILL,
    }
    return lambda outcome, force: (Ending(job_id, outcome, now, force), (pushes[force],))


def _protocol(what: str) -> Faulted:
    return Faulted("engine", f"broke the lane's protocol: it {what}", crash=True)


def _over(value: float, limit: float) -> bool:
    return limit > 0 and value > limit
