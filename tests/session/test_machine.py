"""The decisions of a session, without a network (protocol §3, rules)."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from studio_worker_core.errors import BadFrame
from studio_worker_core.session import EndReason, SessionEnded, Timings, machine
from studio_worker_core.session.endings import FinalRefusal
from studio_worker_core.session.machine import (
    Arrived,
    BadOffer,
    Beat,
    End,
    SayHello,
    SessionPhase,
    ShipLogs,
    Skip,
    SocketClosed,
    State,
    StopAsked,
    Tell,
    Ticked,
    Unreadable,
)
from studio_worker_core.wire.frames import (
    Cancel,
    Claim,
    CompleteAck,
    ErrorFrame,
    FailAck,
    HeartbeatAck,
    Offer,
    Welcome,
)
from studio_worker_core.wire.models import ModelSource
from studio_worker_core.wire.tasks import ImageTask

TIMINGS = Timings()
OFFER = Offer(Claim("job-1", "m", ImageTask("p"), ModelSource("synthetic")))
WELCOME = Welcome("worker-1", "now")


def opened(at: float = 0.0, *features: str) -> State:
    state, _ = machine.begin(at)
    welcome = Welcome("worker-1", "now", list(features))
    state, effects = machine.step(state, Arrived(welcome, at))
    assert effects == (Tell(welcome),)
    return state


def test_the_first_effect_is_hello() -> None:
    state, effects = machine.begin(7.0)
    assert effects == (SayHello(),)
    assert state.phase is SessionPhase.GREETING


def test_heartbeats_come_every_five_seconds_and_logs_every_second() -> None:
    state = opened(100.0)
    beats, batches, now = 0, 0, 100.0
    while now < 160.0:
        now = min(machine.due(state), 160.0)
        state, effects = machine.step(state, Ticked(now, now))
        beats += effects.count(Beat())
        batches += effects.count(ShipLogs())
    assert beats == 12
    assert batches == 60


def test_a_worker_that_was_suspended_sends_one_heartbeat_not_many() -> None:
    state = opened(0.0)
    state, effects = machine.step(state, Ticked(1000.0, 999.0))
    assert effects == (Beat(), ShipLogs())
    assert machine.step(state, Ticked(1000.5, 999.0))[1] == ()


@pytest.mark.parametrize("welcomed", [True, False])
def test_twenty_seconds_without_a_frame_end_the_session(welcomed: bool) -> None:
    state = opened(0.0) if welcomed else machine.begin(0.0)[0]
    state, effects = machine.step(state, Ticked(19.99, 0.0))
    assert not any(isinstance(effect, End) for effect in effects)
    state, effects = machine.step(state, Ticked(20.0, 0.0))
    (end,) = effects
    assert isinstance(end, End)
    assert isinstance(end.ending, SessionEnded)
    assert (end.ending.reason, end.ending.welcomed) == (EndReason.SILENT, welcomed)


def test_any_frame_counts_as_a_sign_of_life_also_an_unreadable_one() -> None:
    state = opened(0.0)
    state, _ = machine.step(state, Unreadable(BadFrame("no JSON"), 15.0))
    _, effects = machine.step(state, Ticked(30.0, 15.0))
    assert not any(isinstance(effect, End) for effect in effects)


def test_a_frame_that_was_read_late_does_not_turn_time_back() -> None:
    state = opened(10.0)
    state, _ = machine.step(state, Arrived(HeartbeatAck(), 5.0))
    assert state.heard_at == 10.0


def test_offers_acks_and_a_known_cancel_reach_the_handler() -> None:
    state = opened(0.0, "cancel")
    for frame in (OFFER, CompleteAck("j"), FailAck("j"), Cancel("j")):
        assert machine.step(state, Arrived(frame, 1.0))[1] == (Tell(frame),)
    assert machine.step(state, Arrived(HeartbeatAck(), 1.0))[1] == ()


def test_an_unreadable_offer_is_answered_only_once_the_session_is_open() -> None:
    error = BadFrame("bad", frame_type="offer", job_id="job-1")
    assert machine.step(opened(), Unreadable(error, 1.0))[1] == (BadOffer("job-1", "bad"),)
    (effect,) = machine.step(machine.begin(0.0)[0], Unreadable(error, 1.0))[1]
    assert isinstance(effect, Skip)


@pytest.mark.parametrize("code", [None, 1000, 1001, 1006, 1011, 4000, 4005])
def test_ordinary_closes_allow_another_session(code: int | None) -> None:
    state, (end,) = machine.step(opened(), SocketClosed(code, "", "gone"))
    assert isinstance(end, End)
    assert end.ending == SessionEnded(EndReason.DISCONNECTED, "gone", welcomed=True)
    assert state.phase is SessionPhase.OVER


def test_what_a_studio_says_is_fit_for_a_terminal() -> None:
    frame = ErrorFrame("auth_failed", "\x1b[31mred\nline" + "x" * 10_000)
    _, (end,) = machine.step(opened(), Arrived(frame, 1.0))
    assert isinstance(end, End)
    assert isinstance(end.ending, FinalRefusal)
    assert end.ending.message.isprintable()
    assert len(end.ending.message) < 700


frames = st.sampled_from(
    [
        WELCOME,
        Welcome("worker-1", "now", ["cancel", "progress"]),
        OFFER,
        HeartbeatAck(),
        CompleteAck("j"),
        FailAck("j"),
        Cancel("j"),
        ErrorFrame("auth_failed"),
        ErrorFrame("anything", "else"),
    ]
)
errors = st.builds(
    BadFrame,
    st.just("bad"),
    frame_type=st.sampled_from([None, "offer", "cancel", "x"]),
    job_id=st.sampled_from([None, "job-1"]),
)


class SessionMachine(RuleBasedStateMachine):
    """Any events in any order keep the rules of protocol §3."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.heard_at = 0.0
        self.state, effects = machine.begin(0.0)
        self.welcomed = False
        self.features: frozenset[str] = frozenset()
        self.beats: list[float] = []
        self.batches: list[float] = []
        self.ends: list[End] = []
        assert effects == (SayHello(),)

    @rule(seconds=st.floats(0, 8))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        effects = self._step(Ticked(self.now, self.heard_at))
        if len(self.ends) == 1 and effects and isinstance(effects[0], End):
            assert self.now - self.heard_at >= TIMINGS.silence

    @rule(frame=frames)
    def frame_arrives(self, frame: Any) -> None:
        was_over = self.state.phase is SessionPhase.OVER
        self.heard_at = self.now
        for effect in self._step(Arrived(frame, self.now)):
            if isinstance(effect, Tell):
                assert self.welcomed or isinstance(effect.frame, Welcome)
                if isinstance(effect.frame, Welcome):
                    assert not self.welcomed
                    self.welcomed = True
                    self.features = frozenset(effect.frame.features)
                if isinstance(effect.frame, Cancel):
                    assert "cancel" in self.features
        if isinstance(frame, ErrorFrame) and not was_over:
            final = isinstance(self.ends[-1].ending, FinalRefusal)
            assert final == (frame.code == "auth_failed")

    @rule(error=errors)
    def nonsense_arrives(self, error: BadFrame) -> None:
        self.heard_at = self.now
        for effect in self._step(Unreadable(error, self.now)):
            assert isinstance(effect, Skip) or (self.welcomed and error.frame_type == "offer")

    @rule(code=st.sampled_from([None, 1000, 1006, 4001, 4002, 4003, 4004]))
    def connection_closes(self, code: int | None) -> None:
        was_over = self.state.phase is SessionPhase.OVER
        self._step(SocketClosed(code, "", "closed"))
        if not was_over:
            final = isinstance(self.ends[-1].ending, FinalRefusal)
            assert final == (code in (4001, 4002, 4003, 4004))

    @rule()
    def stop_is_asked(self) -> None:
        self._step(StopAsked())

    def _step(self, event: Any) -> tuple[Any, ...]:
        was_over = self.state.phase is SessionPhase.OVER
        self.state, effects = machine.step(self.state, event)
        assert not (was_over and effects)
        for effect in effects:
            if isinstance(effect, Beat):
                self.beats.append(self.now)
            elif isinstance(effect, ShipLogs):
                self.batches.append(self.now)
            elif isinstance(effect, End):
                self.ends.append(effect)
        if any(isinstance(effect, Beat | ShipLogs) for effect in effects):
            assert self.welcomed, "something was sent before welcome"
        return effects

    @invariant()
    def it_ends_at_most_once_and_says_whether_it_was_welcomed(self) -> None:
        assert len(self.ends) == (1 if self.state.phase is SessionPhase.OVER else 0)
        for end in self.ends:
            if isinstance(end.ending, SessionEnded):
                assert end.ending.welcomed == self.welcomed

    @invariant()
    def frames_keep_their_distance(self) -> None:
        for times, least in ((self.beats, TIMINGS.heartbeat), (self.batches, TIMINGS.logs)):
            gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
            assert all(gap >= least - 1e-9 for gap in gaps)

    @invariant()
    def silence_is_never_put_up_with_for_long(self) -> None:
        if self.state.phase is not SessionPhase.OVER:
            assert machine.due(self.state) <= self.state.heard_at + TIMINGS.silence


TestSessionMachine = SessionMachine.TestCase
TestSessionMachine.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
