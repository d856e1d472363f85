"""The order of turns against the plain way: looking at every item each time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from studio_worker_core.delivery.states import Needs
from studio_worker_core.delivery.turns import Age, Turns

_EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
_NEEDS = [
    Needs(),
    Needs(session=True),
    Needs(sender=True),
    Needs(sender=True, has_failed=True),
    Needs(sender=True, session=True),
]
ages = st.builds(
    lambda seconds, name: (_EPOCH + timedelta(seconds=seconds), name),
    st.integers(0, 3),
    st.sampled_from("abc"),
)


class EveryTurn(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.turns: Turns[str] = Turns()
        self.plain: dict[Age, tuple[Needs, float, str]] = {}
        self.now = 0.0
        self.met = set(_NEEDS)
        self.unfit: set[str] = set()

    @rule(
        age=ages,
        needs=st.none() | st.sampled_from(_NEEDS),
        due=st.integers(-2, 12).map(float),
        item=st.sampled_from("xyz"),
    )
    def put(self, age: Age, needs: Needs | None, due: float, item: str) -> None:
        self.turns.put(age, needs, due, item)
        self.plain.pop(age, None)
        if needs is not None:
            self.plain[age] = (needs, due, item)

    @rule(age=ages)
    def remove(self, age: Age) -> None:
        self.turns.remove(age)
        self.plain.pop(age, None)

    @rule(seconds=st.sampled_from([0.0, 1.0, 5.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule(met=st.sets(st.sampled_from(_NEEDS)), unfit=st.sets(st.sampled_from("xyz")))
    def change(self, met: set[Needs], unfit: set[str]) -> None:
        self.met, self.unfit = met, unfit

    @invariant()
    def the_oldest_that_may_go_is_next(self) -> None:
        due = [
            age
            for age, (needs, when, item) in self.plain.items()
            if when <= self.now and needs in self.met and item not in self.unfit
        ]
        found = self.turns.next(self.now, self.met.__contains__, lambda i: i not in self.unfit)
        assert found == (self.plain[min(due)][2] if due else None)

    @invariant()
    def the_next_time_is_the_earliest_to_come(self) -> None:
        self.turns.next(self.now, self.met.__contains__, lambda _: True)
        times = [
            when for needs, when, _ in self.plain.values() if needs in self.met and when > self.now
        ]
        assert self.turns.next_time(self.met.__contains__) == min(times, default=None)


EveryTurn.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
test_turns_come_as_if_every_item_were_looked_at = EveryTurn.TestCase
