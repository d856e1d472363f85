"""Idle, active, or nobody can say; and never a long wait for it."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

import pytest

from studio_worker_core.host.presence import Presence, run_command, user_presence


def logind(session: str, **facts: str) -> object:
    def run(command: Sequence[str]) -> str | None:
        if "show-seat" in command:
            return f"ActiveSession={session}\n"
        assert command[2] == session
        return "".join(f"{key}={value}\n" for key, value in facts.items())

    return run


@pytest.mark.parametrize(
    ("facts", "presence"),
    [
        ({"IdleHint": "yes", "LockedHint": "no", "Type": "wayland"}, "idle"),
        ({"IdleHint": "no", "LockedHint": "yes", "Type": "x11"}, "idle"),
        ({"IdleHint": "no", "LockedHint": "no", "Type": "x11"}, "active"),
        ({"IdleHint": "no", "LockedHint": "no", "Type": "tty"}, None),
        ({}, None),
    ],
)
def test_linux_says_what_the_desktop_told_logind(
    facts: dict[str, str], presence: str | None
) -> None:
    assert user_presence(run=logind("2", **facts), system="linux") == presence  # type: ignore[arg-type]


@pytest.mark.parametrize("session", ["", "--help", "a b", "x" * 65])
def test_linux_without_a_session_is_unknown(session: str) -> None:
    def run(command: Sequence[str]) -> str | None:
        assert "show-session" not in command
        return f"ActiveSession={session}\n"

    assert user_presence(run=run, system="linux") is None


def test_a_machine_without_logind_is_unknown() -> None:
    assert user_presence(run=lambda command: None, system="linux") is None


@pytest.mark.parametrize(
    ("output", "presence"),
    [
        ('  | "HIDIdleTime" = 299000000000\n', "active"),
        ('  | "HIDIdleTime" = 300000000000\n', "idle"),
        ("nothing", None),
    ],
)
def test_mac_says_how_long_nothing_was_touched(output: str, presence: str | None) -> None:
    assert user_presence(run=lambda command: output, system="darwin") == presence


def test_an_unknown_system_is_unknown() -> None:
    assert user_presence(run=lambda command: "x", system="plan9") is None


def test_a_command_that_hangs_is_left_in_half_a_second() -> None:
    before = time.monotonic()
    assert run_command([sys.executable, "-c", "import time; time.sleep(30)"]) is None
    assert time.monotonic() - before < 5
    assert run_command(["no-such-command-here"]) is None


def test_this_machine_answers_or_does_not_know() -> None:
    assert user_presence() in ("idle", "active", None)


def test_the_system_is_not_asked_at_every_heartbeat() -> None:
    now = [0.0]
    asked: list[float] = []

    def ask() -> None:
        asked.append(now[0])

    presence = Presence(ask=ask, every=10.0, clock=lambda: now[0])
    for second in range(0, 31, 5):
        now[0] = float(second)
        assert presence() is None
    assert asked == [0.0, 10.0, 20.0, 30.0]
