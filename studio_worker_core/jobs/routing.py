"""Which engine does a job: the one its model source names, or none (protocol §3)."""

from __future__ import annotations

from studio_worker_core.errors import EngineMissing, InvalidTask
from studio_worker_core.first_party import EXTRA_OF_ENGINE
from studio_worker_core.jobs.job import Job
from studio_worker_core.roster.roster import Roster, RosterEntry

_SHOWN_MODELS = 12


def route(roster: Roster, job: Job) -> RosterEntry:
    """The engine that must do ``job``. Never another one: a stand-in's bytes under a real
    model's name once poisoned a live queue.

    Raises:
        EngineMissing: it is not installed, or not healthy; the message says what to do.
        InvalidTask: it does not do this kind of work, or does not serve this model.
    """
    name = job.engine
    entry = roster.find(name)
    if entry is None:
        raise EngineMissing(f"engine '{name}' is not installed on this worker: {_remedy(name)}")
    if not entry.ready:
        what_to_do = f"; {entry.remedy}" if entry.remedy else ""
        raise EngineMissing(
            f"engine '{name}' of {entry.distribution} is {entry.state}: "
            f"{entry.reason or 'no reason known'}{what_to_do}"
        )
    kind = job.kind
    if kind not in entry.kinds:
        does = ", ".join(entry.kinds) or "nothing"
        raise InvalidTask(f"engine '{name}' does not do {kind} jobs (it does {does})")
    models = entry.models.get(kind, ())
    if job.model not in models and f"{name}:*" not in models:
        raise InvalidTask(
            f"engine '{name}' does not serve model '{job.model[:100]}' for {kind} jobs "
            f"(it serves {_shown(models)})"
        )
    return entry


def _remedy(engine: str) -> str:
    extra = EXTRA_OF_ENGINE.get(engine)
    if extra is None:
        return f"no installed plugin offers engine '{engine}'; see `studio-worker engines list`"
    return f"pip install 'studio-worker[{extra}]' brings it"


def _shown(models: tuple[str, ...]) -> str:
    more = len(models) - _SHOWN_MODELS
    shown = ", ".join(models[:_SHOWN_MODELS]) or "no models"
    return f"{shown} and {more} more" if more > 0 else shown
