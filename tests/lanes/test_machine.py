"""The life of a lane, walked through at random."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from msgspec.structs import replace

from studio_worker_core.config import Limits
from studio_worker_core.lanes.limits import ASK_SECONDS, FORCE_SECONDS, GIVE_UP_SECONDS
from studio_worker_core.lanes.machine import step
from studio_worker_core.lanes.outcomes import Fault, Faulted, ModelLoaded, Outcome
from studio_worker_core.lanes.protocol import Done
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
)

LIMITS = Limits(load_seconds=20, idle_seconds=5, total_seconds=30, memory_gb=1, output_mb=10)
DONE = Done("a", file="result.png")

_faults: list[Fault] = ["invalid", "engine", "cancelled"]
outcomes = st.one_of(
    st.just(DONE),
    st.builds(Faulted, st.sampled_from(_faults), st.just("text"), broken=st.booleans()),
)


class LaneLife(RuleBasedStateMachine):
    """Any engine behaviour, any order of events, as a driver would feed them."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.jobs = 1
        self.load_only = False
        self.state: State = Loading("job-1", self.now)
        self.reports: dict[str, Outcome] = {}
        self.stopping_since: float | None = None
        self.killed = False
        self.gone = False

    def feed(self, event: Event) -> None:
        self.state, effects = step(self.state, event)
        for effect in effects:
            if isinstance(effect, ReportOutcome):
                assert effect.job_id not in self.reports, "a job is reported once"
                self.reports[effect.job_id] = effect.outcome
                self.stopping_since = None
            else:
                assert not isinstance(self.state, LaneEnded), "nothing is done to a lane that ended"
                stopping = effect in (Effect.SEND_CANCEL, Effect.TERMINATE, Effect.KILL)
                if stopping and self.stopping_since is None:
                    self.stopping_since = self.now
                self.killed |= effect is Effect.KILL

    @initialize(load_only=st.booleans())
    def it_is_made_for_a_job_or_for_a_mere_load(self, load_only: bool) -> None:
        self.load_only = load_only
        self.state = Loading("job-1", self.now, load_only=load_only)

    @property
    def busy(self) -> bool:
        return f"job-{self.jobs}" not in self.reports

    @precondition(lambda self: not self.busy and isinstance(self.state, Idle))
    @rule()
    def a_job_begins(self) -> None:
        self.jobs += 1
        self.feed(Begin(self.now, f"job-{self.jobs}"))

    @precondition(lambda self: not self.gone)
    @rule(
        event=st.sampled_from(
            [EngineLoaded(0), Sign(0), Broken(0, "x"), Broken(0, "x", closed=True)]
        )
    )
    def the_process_says_something(self, event: Event) -> None:
        self.feed(replace(event, at=self.now))

    @precondition(lambda self: not self.gone)
    @rule(outcome=outcomes, job=st.sampled_from(["current", "current", "current", None, "other"]))
    def the_engine_answers(self, outcome: Outcome, job: str | None) -> None:
        self.feed(
            EngineAnswered(self.now, f"job-{self.jobs}" if job == "current" else job, outcome)
        )

    @precondition(lambda self: not self.gone)
    @rule()
    def the_process_dies(self) -> None:
        self.gone = True
        self.feed(Exited(self.now, "died"))

    @rule(event=st.sampled_from([CancelAsked(0), EndAsked(0)]))
    def somebody_wants_it_to_stop(self, event: Event) -> None:
        self.feed(replace(event, at=self.now))

    @rule(
        seconds=st.sampled_from([0.05, 0.5, 1.0]),
        memory=st.sampled_from([0.0, 0.0, 0.0, 2.0]),
        output=st.sampled_from([0.0, 0.0, 0.0, 20.0]),
    )
    def time_passes(self, seconds: float, memory: float, output: float) -> None:
        for _ in range(round(seconds / 0.05)):
            self.now += 0.05
            self.feed(Measured(self.now, LIMITS, memory_gb=memory, output_mb=output))

    @invariant()
    def a_lane_that_is_told_to_stop_is_killed_within_two_seconds(self) -> None:
        if self.stopping_since is not None and not self.gone and not self.killed:
            assert self.now - self.stopping_since < ASK_SECONDS + FORCE_SECONDS + 0.2

    @invariant()
    def an_idle_or_ended_lane_owes_nobody_a_report(self) -> None:
        if isinstance(self.state, (Idle, LaneEnded)):
            assert not self.busy

    @invariant()
    def a_dead_process_is_an_ended_lane(self) -> None:
        if self.gone:
            assert isinstance(self.state, LaneEnded)

    @invariant()
    def only_a_running_job_completes(self) -> None:
        assert "job-0" not in self.reports
        assert None not in self.reports

    @invariant()
    def a_mere_load_is_never_given_to_the_engine_as_a_job(self) -> None:
        if self.load_only and self.jobs == 1:
            assert not isinstance(self.state, Running)

    def teardown(self) -> None:
        """Whatever happened: asked to end, it ends in bounded time, with all jobs reported."""
        self.feed(EndAsked(self.now))
        for _ in range(round((ASK_SECONDS + FORCE_SECONDS + GIVE_UP_SECONDS) * 20) + 60):
            self.now += 0.05
            self.feed(Measured(self.now, LIMITS))
            if isinstance(self.state, Idle):
                self.feed(EndAsked(self.now))
        assert isinstance(self.state, LaneEnded)
        assert set(self.reports) == {f"job-{number + 1}" for number in range(self.jobs)}


TestLaneLife = LaneLife.TestCase
TestLaneLife.settings = settings(max_examples=120, stateful_step_count=25, deadline=None)


def test_a_job_runs_from_loading_to_idle() -> None:
    state, effects = step(Loading("a", 0.0), EngineLoaded(1.0))
    assert effects == (Effect.SEND_JOB,)
    assert step(state, EngineAnswered(2.0, "a", DONE)) == (Idle(2.0), (ReportOutcome("a", DONE),))


def test_a_mere_load_ends_with_the_load() -> None:
    state, effects = step(Loading("load", 0.0, load_only=True), EngineLoaded(1.0))
    assert (state, effects) == (Idle(1.0), (ReportOutcome("load", ModelLoaded()),))


def test_an_answer_that_comes_after_a_cancel_does_not_count() -> None:
    state, effects = step(Running("a", 0.0, 0.0), CancelAsked(1.0))
    assert effects == (Effect.SEND_CANCEL,)
    state, effects = step(state, EngineAnswered(1.5, "a", DONE))
    assert state == Idle(1.5)
    assert effects == (ReportOutcome("a", Faulted("cancelled", "cancelled")),)


def test_a_cancelled_job_is_reported_only_once_its_process_is_gone() -> None:
    state, _ = step(Running("a", 0.0, 0.0), CancelAsked(1.0))
    state, effects = step(state, Measured(2.0, LIMITS))
    assert effects == (Effect.TERMINATE,)
    state, effects = step(state, Measured(2.5, LIMITS))
    assert effects == (Effect.KILL,)
    assert step(state, Exited(2.6, "killed by SIGKILL")) == (
        LaneEnded(),
        (ReportOutcome("a", Faulted("cancelled", "cancelled")),),
    )


def test_a_closed_channel_waits_for_the_true_cause_of_death() -> None:
    state, effects = step(Running("a", 0.0, 0.0), Broken(1.0, "closed", closed=True))
    assert effects == ()
    _, effects = step(state, Exited(1.1, "killed by SIGSEGV"))
    assert effects == (ReportOutcome("a", Faulted("engine", "killed by SIGSEGV", crash=True)),)


def test_a_closed_channel_of_a_process_that_lives_on_is_the_cause_itself() -> None:
    state, _ = step(Running("a", 0.0, 0.0), Broken(1.0, "closed", closed=True))
    state, effects = step(state, Measured(1.6, LIMITS))
    assert effects == (Effect.TERMINATE,)
    _, effects = step(state, Exited(1.7, "killed by SIGTERM"))
    assert effects == (ReportOutcome("a", Faulted("engine", "closed", crash=True)),)


def test_a_process_stuck_in_the_kernel_does_not_hold_up_the_worker() -> None:
    state: State = Ending("a", Faulted("cancelled", "cancelled"), 0.0, Effect.KILL)
    state, effects = step(state, Measured(GIVE_UP_SECONDS, LIMITS))
    assert isinstance(state, LaneEnded)
    assert effects == (ReportOutcome("a", Faulted("cancelled", "cancelled")),)


def test_no_limit_means_no_limit() -> None:
    never = Limits(load_seconds=0, idle_seconds=0, total_seconds=0, memory_gb=0, output_mb=0)
    event = Measured(1e9, never, memory_gb=900.0, output_mb=1e9)
    for state in (Loading("a", 0.0), Running("a", 0.0, 0.0)):
        assert step(state, event) == (state, ())


@pytest.mark.parametrize("fault", ["invalid", "engine"])
def test_loading_that_fails_is_a_crash_unless_the_model_was_refused(fault: Fault) -> None:
    state, _ = step(Loading("a", 0.0), EngineAnswered(1.0, None, Faulted(fault, "text")))
    assert isinstance(state, Ending)
    assert state.outcome == Faulted(fault, "text", crash=fault == "engine")
