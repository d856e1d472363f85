"""The reasons to take no offers, and how they are told."""

from __future__ import annotations

import logging
import threading

import pytest

from studio_worker_core.config import Config
from studio_worker_core.host.facts import HostFacts, host_facts
from studio_worker_core.roster.roster import Roster
from studio_worker_core.worker.availability import Availability, Presence


class Machine:
    """What the availability look at, in the test's hands."""

    def __init__(self) -> None:
        self.config = Config()
        self.paused = False
        self.presence: Presence = None
        self.room: str | None = None
        self.stopping = threading.Event()
        self.now = 0.0
        self.asked = 0
        self.told: list[str | None] = []
        facts: HostFacts = host_facts()
        self.availability = Availability(
            lambda: self.config,
            facts,
            Roster([]).offerings,
            stopping=self.stopping,
            paused=lambda: self.paused,
            presence=lambda: self.presence,
            room=self._room,
            on_change=self.told.append,
            clock=lambda: self.now,
        )

    def look(self) -> None:
        """What the threads do again and again."""
        for each in self.availability.watched.values():
            each.ask_now()

    def _room(self) -> str | None:
        self.asked += 1
        return self.room


@pytest.fixture
def machine() -> Machine:
    return Machine()


def test_an_idle_worker_takes_offers(machine: Machine) -> None:
    assert machine.availability.not_taking() is None
    assert machine.availability.capabilities().auto_enabled
    assert machine.told == []


def test_a_full_outbox_is_told_once_in_capabilities_log_and_status(
    machine: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "studio_worker.worker")
    machine.room = "the outbox holds 19 GB"
    machine.look()
    assert not machine.availability.capabilities().auto_enabled
    machine.room = "the outbox holds 20 GB"
    machine.look()
    assert machine.availability.not_taking() == "the outbox holds 20 GB"
    machine.room = None
    machine.look()
    assert machine.availability.capabilities().auto_enabled
    assert caplog.messages == [
        "taking no offers: the outbox holds 19 GB",
        "taking offers again",
    ]
    assert machine.told == ["the outbox holds 19 GB", None]


def test_heartbeats_and_offers_ask_neither_the_disk_nor_the_desktop(machine: Machine) -> None:
    for _ in range(5):
        machine.availability.not_taking()
        machine.availability.capabilities()
    assert machine.asked == 0


def test_a_paused_worker_says_so(machine: Machine) -> None:
    machine.paused = True
    machine.look()
    assert machine.availability.not_taking() == "the worker is paused"
    assert not machine.availability.capabilities().auto_enabled


def test_the_setting_says_how_a_worker_starts_and_nothing_later(machine: Machine) -> None:
    machine.config = Config(paused=True)
    machine.look()
    assert machine.availability.not_taking() is None


@pytest.mark.parametrize("presence", ["active", None])
def test_only_when_idle_waits_until_the_person_is_away(
    machine: Machine, presence: Presence
) -> None:
    machine.config = Config(only_when_idle=True)
    machine.presence = presence
    machine.look()
    assert "only_when_idle" in (machine.availability.not_taking() or "")
    capabilities = machine.availability.capabilities()
    assert capabilities.auto_enabled, "presence has a field of its own"
    assert capabilities.user_presence == presence


def test_a_person_who_left_lets_offers_in(machine: Machine) -> None:
    machine.config = Config(only_when_idle=True)
    machine.presence = "idle"
    machine.look()
    assert machine.availability.not_taking() is None
    assert machine.availability.capabilities().user_presence == "idle"


def test_presence_is_nobodys_business_without_the_setting(machine: Machine) -> None:
    machine.presence = "active"
    machine.look()
    assert machine.availability.not_taking() is None
    assert machine.availability.capabilities().user_presence is None


def test_a_stopping_worker_takes_nothing(machine: Machine) -> None:
    machine.stopping.set()
    assert machine.availability.not_taking() == "the worker is shutting down"
    assert not machine.availability.capabilities().auto_enabled
    assert machine.told == []
