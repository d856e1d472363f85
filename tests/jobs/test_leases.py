"""Which session may speak of a job, through any number of sessions."""

from __future__ import annotations

from typing import NamedTuple

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from studio_worker_core.jobs.leases import Lease, Leases, Resumed, TakenBack


class Speaker(NamedTuple):
    number: int


def held(leases: Leases[Speaker], number: int) -> int | None:
    lease = leases.find(number)
    assert lease is not None
    return lease.session


def test_no_session_speaks_for_a_job_whose_session_is_gone() -> None:
    leases: Leases[Speaker] = Leases()
    first, second = Speaker(1), Speaker(2)
    leases.opened(first, [], takes_meta=False)
    lease = leases.accepted("job-1", first)
    speakers = [leases.session_for(lease)]
    leases.closed(first)
    speakers.append(leases.session_for(lease))
    effects = leases.opened(second, ["job-1"], takes_meta=False)
    speakers.append(leases.session_for(lease))
    assert speakers == [first, None, second]
    assert effects == (Resumed(Lease(lease, "job-1", None)),)


def test_the_late_end_of_an_older_session_takes_nothing_away() -> None:
    leases: Leases[Speaker] = Leases()
    leases.opened(Speaker(1), [], takes_meta=False)
    lease = leases.accepted("job-1", Speaker(1))
    leases.opened(Speaker(2), ["job-1"], takes_meta=False)
    leases.closed(Speaker(1))
    assert held(leases, lease) == 2
    assert leases.session_for(lease) == Speaker(2)


def test_the_end_of_a_job_leaves_the_same_job_alone_that_was_accepted_again() -> None:
    leases: Leases[Speaker] = Leases()
    session = Speaker(1)
    leases.opened(session, [], takes_meta=False)
    first = leases.accepted("job-1", session)
    second = leases.accepted("job-1", session)
    leases.ended(first)
    assert leases.job_ids() == ["job-1"]
    assert leases.session_for(second) is session
    leases.ended(second)
    assert leases.job_ids() == []


JOBS = st.sampled_from(["a", "b", "c"])


class AnyHistory(RuleBasedStateMachine):
    """Beside the leases a studio that knows what it holds, and how each session hears of it."""

    def __init__(self) -> None:
        super().__init__()
        self.leases: Leases[Speaker] = Leases()
        self.sessions = 0
        self.open: Speaker | None = None
        self.running: dict[int, str] = {}
        self.may_speak: dict[int, int] = {}
        """The session that the studio would hear each lease on."""
        self.told: set[str] | None = None

    @precondition(lambda self: self.open is None)
    @rule(resumed=st.none() | st.sets(JOBS))
    def opens(self, resumed: set[str] | None) -> None:
        self.sessions += 1
        self.open = Speaker(self.sessions)
        effects = self.leases.opened(self.open, resumed, takes_meta=bool(resumed))
        self.told = None if resumed is None else set(resumed)
        kept = {e.lease.number for e in effects if isinstance(e, Resumed)}
        taken = {e.lease.number for e in effects if isinstance(e, TakenBack)}
        if resumed is None:
            assert not effects, "a studio that cannot say takes nothing back"
        else:
            assert kept == {n for n, job in self.running.items() if job in resumed}
            assert taken == self.running.keys() - kept
        self.may_speak |= dict.fromkeys(kept, self.open.number)

    @precondition(lambda self: self.open is not None)
    @rule()
    def closes(self) -> None:
        assert self.open is not None
        self.leases.closed(self.open)
        self.open = None

    @precondition(lambda self: self.sessions > 1)
    @rule()
    def an_older_session_is_told_closed_late(self) -> None:
        self.leases.closed(Speaker(self.sessions - 1))

    @precondition(lambda self: self.open is not None)
    @rule(job=JOBS)
    def accepts(self, job: str) -> None:
        assert self.open is not None
        number = self.leases.accepted(job, self.open)
        assert number not in self.running
        self.running[number] = job
        self.may_speak[number] = self.open.number
        if self.told is not None:
            self.told.add(job)

    @precondition(lambda self: self.running)
    @rule(data=st.data())
    def ends(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(sorted(self.running)))
        self.leases.ended(number)
        del self.running[number]
        self.may_speak.pop(number, None)

    @invariant()
    def a_frame_goes_out_only_where_the_studio_holds_the_job(self) -> None:
        for number in self.running:
            session = self.leases.session_for(number)
            speaks = self.open is not None and self.may_speak.get(number) == self.open.number
            assert session == (self.open if speaks else None)

    @invariant()
    def every_running_job_is_named_once_and_no_other(self) -> None:
        assert self.leases.job_ids() == list(dict.fromkeys(self.running.values()))

    @invariant()
    def what_was_neither_resumed_nor_accepted_is_not_ours(self) -> None:
        for job in ("a", "b", "c"):
            known = self.told is None or job in self.told
            assert self.leases.is_ours(job) is (None if known else False)


TestAnyHistory = AnyHistory.TestCase
