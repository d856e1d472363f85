"""The reasons to take no offers, and how they are told."""

from __future__ import annotations

import logging
import threading

import pytest

from studio_worker_core.config import Config
from studio_worker_core.engines.roster import Roster
from studio_worker_core.host.facts import HostFacts, host_facts
from studio_worker_core.worker.conditions import Conditions, Presence


class Machine:
    """What the conditions look at, in the test's hands."""

    def __init__(self) -> None:
        self.config = Config()
        self.presence: Presence = None
        self.room: str | None = None
        self.stopping = threading.Event()
        self.now = 0.0
        self.asked = 0
        self.told: list[str | None] = []
        facts: HostFacts = host_facts()
        self.conditions = Conditions(
            lambda: self.config,
            facts,
            Roster([]).offerings,
            stopping=self.stopping,
            presence=lambda: self.presence,
            room=self._room,
            on_change=self.told.append,
            clock=lambda: self.now,
        )

    def _room(self) -> str | None:
        self.asked += 1
        return self.room


@pytest.fixture
def machine() -> Machine:
    return Machine()


def test_an_idle_worker_takes_offers(machine: Machine) -> None:
    assert machine.conditions.not_taking() is None
    assert machine.conditions.capabilities().auto_enabled
    assert machine.told == []


def test_a_full_outbox_is_told_once_in_capabilities_log_and_status(
    machine: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "studio_worker.worker")
    machine.room = "the outbox holds 19 GB"
    assert not machine.conditions.capabilities().auto_enabled
    machine.now += 100
    machine.room = "the outbox holds 20 GB"
    assert machine.conditions.not_taking() == "the outbox holds 20 GB"
    machine.now += 100
    machine.room = None
    assert machine.conditions.capabilities().auto_enabled
    assert caplog.messages == [
        "taking no offers: the outbox holds 19 GB",
        "taking offers again",
    ]
    assert machine.told == ["the outbox holds 19 GB", None]


def test_room_is_looked_for_once_in_two_seconds(machine: Machine) -> None:
    for _ in range(5):
        machine.conditions.not_taking()
    assert machine.asked == 1
    machine.now += 2.0
    machine.conditions.not_taking()
    assert machine.asked == 2


def test_a_paused_worker_says_so(machine: Machine) -> None:
    machine.config = Config(paused=True)
    assert machine.conditions.not_taking() == "the worker is paused"
    assert not machine.conditions.capabilities().auto_enabled


@pytest.mark.parametrize("presence", ["active", None])
def test_only_when_idle_waits_until_the_person_is_away(
    machine: Machine, presence: Presence
) -> None:
    machine.config = Config(only_when_idle=True)
    machine.presence = presence
    assert "only_when_idle" in (machine.conditions.not_taking() or "")
    capabilities = machine.conditions.capabilities()
    assert capabilities.auto_enabled, "presence has a field of its own"
    assert capabilities.user_presence == presence


def test_a_person_who_left_lets_offers_in(machine: Machine) -> None:
    machine.config = Config(only_when_idle=True)
    machine.presence = "idle"
    assert machine.conditions.not_taking() is None
    assert machine.conditions.capabilities().user_presence == "idle"


def test_presence_is_nobodys_business_without_the_setting(machine: Machine) -> None:
    machine.presence = "active"
    assert machine.conditions.not_taking() is None
    assert machine.conditions.capabilities().user_presence is None


def test_a_stopping_worker_takes_nothing(machine: Machine) -> None:
    machine.stopping.set()
    assert machine.conditions.not_taking() == "the worker is shutting down"
    assert not machine.conditions.capabilities().auto_enabled
    assert machine.told == []
