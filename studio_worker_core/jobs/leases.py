"""Leases: which jobs the studio gave this worker, and which session may speak of each."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Generic, Protocol, TypeVar

from msgspec import Struct
from msgspec.structs import replace


class Lease(Struct, frozen=True):
    """The studio's hold on one job for this worker, for one time that it was accepted."""

    number: int
    """Different for every lease: the same job may come again while its first end is told."""
    job_id: str
    session: int | None
    """The session that may speak of the job; None once it is gone and no later one resumed the
    job: a frame about it would then be a protocol violation (protocol §5)."""
    wants_meta: bool = False
    """Whether its studio wants to know how results are made (protocol §3.1, ``meta``)."""


class State(Struct, frozen=True):
    """Every lease, the oldest first, and what the latest session said."""

    leases: tuple[Lease, ...] = ()
    granted: int = 0
    """How many there have been: the number of the latest."""
    session: int | None = None
    """The session that is open now."""
    known: frozenset[str] | None = None
    """What the studio may still hold for us: resumed or accepted on the latest session. None
    where it cannot say (protocol §3.1, ``resume``)."""
    takes_meta: bool = True
    """Before the first session it is what it was when the studio gave the job."""

    def find(self, number: int) -> Lease | None:
        """The lease of that number, until its job is over."""
        return next((lease for lease in self.leases if lease.number == number), None)


class Opened(Struct, frozen=True):
    """A session was welcomed."""

    session: int
    resumed: frozenset[str] | None
    """The jobs the studio still holds for us; None where it does not say."""
    takes_meta: bool = False


class Accepted(Struct, frozen=True):
    """A job is taken on a session."""

    job_id: str
    session: int
    wants_meta: bool = False


class JobEnded(Struct, frozen=True):
    """The job of a lease is over, and whatever must outlive it is in other hands."""

    number: int


class SessionClosed(Struct, frozen=True):
    """A session is over."""

    session: int


Event = Opened | Accepted | JobEnded | SessionClosed


class Resumed(Struct, frozen=True):
    """The studio kept the job for us."""

    lease: Lease


class TakenBack(Struct, frozen=True):
    """The studio gave the job to others: it is to stop, and there is nobody to answer."""

    lease: Lease


Effect = Resumed | TakenBack


def step(state: State, event: Event) -> tuple[State, tuple[Effect, ...]]:
    """The leases after ``event``, and what is to be told of them."""
    match event:
        case Opened():
            return _opened(state, event)
        case Accepted(job_id, session, wants_meta):
            number = state.granted + 1
            leases = (*state.leases, Lease(number, job_id, session, wants_meta))
            known = None if state.known is None else state.known | {job_id}
            return replace(state, leases=leases, granted=number, known=known), ()
        case JobEnded(number):
            left = tuple(lease for lease in state.leases if lease.number != number)
            return replace(state, leases=left), ()
        case SessionClosed(session):
            leases = tuple(
                replace(lease, session=None) if lease.session == session else lease
                for lease in state.leases
            )
            now = None if state.session == session else state.session
            return replace(state, leases=leases, session=now), ()


def _opened(state: State, event: Opened) -> tuple[State, tuple[Effect, ...]]:
    leases: list[Lease] = []
    effects: list[Effect] = []
    for lease in state.leases:
        if lease.session == event.session or event.resumed is None:
            leases.append(lease)
        elif lease.job_id in event.resumed:
            leases.append(replace(lease, session=event.session))
            effects.append(Resumed(lease))
        else:
            leases.append(lease)
            effects.append(TakenBack(lease))
    opened = replace(
        state,
        leases=tuple(leases),
        session=event.session,
        known=event.resumed,
        takes_meta=event.takes_meta,
    )
    return opened, tuple(effects)


class Speaker(Protocol):
    """What the leases know of a session."""

    @property
    def number(self) -> int:
        """Different for every session of this process."""


SessionT = TypeVar("SessionT", bound=Speaker)


class Leases(Generic[SessionT]):
    """The leases of this worker, with the session that is open now. Any thread may ask or
    tell, and nothing waits."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._state = State()
        self._session: SessionT | None = None

    def opened(
        self, session: SessionT, resumed: Iterable[str] | None, *, takes_meta: bool
    ) -> tuple[Effect, ...]:
        """A session was welcomed; what became of each job that was held before.

        :param resumed: the jobs the studio still holds for us, None where it does not say.
        """
        held = None if resumed is None else frozenset(resumed)
        with self._lock:
            self._session = session
            return self._step(Opened(session.number, held, takes_meta))

    def closed(self, session: SessionT) -> None:
        """A session is over. The jobs go on: the next one may resume them."""
        with self._lock:
            if self._session is session:
                self._session = None
            self._step(SessionClosed(session.number))

    def accepted(self, job_id: str, session: SessionT, *, wants_meta: bool = False) -> int:
        """A job is taken on ``session``; the number of its lease."""
        with self._lock:
            self._step(Accepted(job_id, session.number, wants_meta))
            return self._state.granted

    def ended(self, number: int) -> None:
        """The job of a lease is over, and whatever must outlive it is in other hands."""
        with self._lock:
            self._step(JobEnded(number))

    def find(self, number: int) -> Lease | None:
        """The lease of that number, until its job is over."""
        return self._state.find(number)

    def job_ids(self) -> list[str]:
        """Every job under a lease, the oldest first."""
        return list(dict.fromkeys(lease.job_id for lease in self._state.leases))

    def session_for(self, number: int) -> SessionT | None:
        """The session that may carry frames about the job of a lease, if there is one now."""
        with self._lock:
            lease, session = self._state.find(number), self._session
        if lease is None or session is None or lease.session != session.number:
            return None
        return session

    def is_ours(self, job_id: str) -> bool | None:
        """Whether the studio still holds a job for us; None when it cannot be known."""
        known = self._state.known
        return None if known is None or job_id in known else False

    @property
    def takes_meta(self) -> bool:
        """Whether the studio wants to know how results are made (protocol §3.1, ``meta``)."""
        return self._state.takes_meta

    def _step(self, event: Event) -> tuple[Effect, ...]:
        self._state, effects = step(self._state, event)
        return effects
