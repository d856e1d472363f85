"""Idle, active, or nobody can say; and never a long wait for it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from studio_worker_core.host.commands import output_of
from studio_worker_core.host.presence import user_presence


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
    assert user_presence(run=logind("2", **facts), system="linux", environ={}) == presence  # type: ignore[arg-type]


@pytest.mark.parametrize("session", ["", "--help", "a b", "x" * 65])
def test_linux_without_a_session_is_unknown(session: str) -> None:
    def run(command: Sequence[str]) -> str | None:
        assert "show-session" not in command
        return f"ActiveSession={session}\n"

    assert user_presence(run=run, system="linux", environ={}) is None


def test_a_machine_without_logind_is_unknown() -> None:
    assert user_presence(run=lambda command: None, system="linux", environ={}) is None


@pytest.mark.parametrize(
    ("output", "presence"),
    [
        ('  | "HIDIdleTime" = 119000000000\n', "active"),
        ('  | "HIDIdleTime" = 120000000000\n', "idle"),
        ("nothing", None),
    ],
)
def test_mac_says_how_long_nothing_was_touched(output: str, presence: str | None) -> None:
    assert user_presence(run=lambda command: output, system="darwin") == presence


def test_an_unknown_system_is_unknown() -> None:
    assert user_presence(run=lambda command: "x", system="plan9") is None


def test_a_command_that_hangs_is_left() -> None:
    assert output_of([sys.executable, "-c", "import time; time.sleep(600)"], within=0.1) is None
    assert output_of(["no-such-command-here"], within=600) is None


def test_this_machine_answers_or_does_not_know() -> None:
    assert user_presence() in ("idle", "active", None)


BUS = {"DBUS_SESSION_BUS_ADDRESS": "unix:path=/nowhere"}


@pytest.mark.parametrize("tool", ["busctl", "gdbus"])
@pytest.mark.parametrize(
    "name", ["org.gnome.Mutter.IdleMonitor", "org.freedesktop.ScreenSaver"], ids=["gnome", "kde"]
)
@pytest.mark.parametrize(("milliseconds", "presence"), [(119_999, "active"), (120_000, "idle")])
def test_a_desktop_says_on_the_bus_how_long_nothing_was_touched(
    tool: str, name: str, milliseconds: int, presence: str
) -> None:
    def run(command: Sequence[str]) -> str | None:
        if command[0] != tool or name not in command:
            return None
        return f"t {milliseconds}\n" if tool == "busctl" else f"(uint64 {milliseconds},)\n"

    assert user_presence(run=run, system="linux", environ=BUS) == presence


@pytest.mark.parametrize("output", ["", "t", "s idle", "(true,)", "t -1", "t 12x", "9" * 40])
def test_nonsense_on_the_bus_is_no_answer(output: str) -> None:
    def run(command: Sequence[str]) -> str | None:
        return output if command[0] == "busctl" else None

    assert user_presence(run=run, system="linux", environ=BUS) is None


def test_without_a_bus_no_process_is_started_to_ask_it() -> None:
    def run(command: Sequence[str]) -> str | None:
        assert command[0] == "loginctl"
        return None

    assert user_presence(run=run, system="linux", environ={}) is None


@pytest.mark.skipif(not shutil.which("dbus-daemon"), reason="there is no dbus-daemon here")
def test_a_real_bus_without_a_desktop_is_no_answer(tmp_path: Path) -> None:
    address = f"unix:path={tmp_path / 'bus'}"
    argv = ["dbus-daemon", "--session", "--nofork", f"--address={address}", "--print-address"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as daemon:
        try:
            assert daemon.stdout is not None
            assert daemon.stdout.readline().startswith("unix:path=")
            environ = {"DBUS_SESSION_BUS_ADDRESS": address}

            def run(command: Sequence[str]) -> str | None:
                if command[0] == "loginctl":
                    return None
                done = subprocess.run(
                    command,
                    env={**os.environ, **environ},
                    capture_output=True,
                    text=True,
                    check=False,
                    timeout=60,
                )
                assert "Usage" not in done.stderr
                assert "nvalid" not in done.stderr, done.stderr
                return done.stdout if done.returncode == 0 else None

            assert user_presence(run=run, system="linux", environ=environ) is None
        finally:
            daemon.terminate()
