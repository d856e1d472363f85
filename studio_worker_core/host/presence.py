"""Whether a person is at this machine: ``idle``, ``active`` or, where nobody can say, None."""

from __future__ import annotations

import ctypes
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import Literal

__all__ = ["IDLE_AFTER_SECONDS", "Presence", "UserPresence", "user_presence"]

UserPresence = Literal["idle", "active"]

IDLE_AFTER_SECONDS = 300.0
"""Without a key or a mouse for so long, the person is away."""

_ASK_SECONDS = 0.45
_GRAPHICAL = frozenset({"x11", "wayland", "mir"})

Run = Callable[[Sequence[str]], str | None]


def run_command(command: Sequence[str]) -> str | None:
    """The output of ``command``; None when it is missing, fails or takes over 0.45 s."""
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            text=True,
            errors="replace",
            timeout=_ASK_SECONDS,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout if done.returncode == 0 else None


def user_presence(
    *,
    run: Run = run_command,
    system: str = sys.platform,
    idle_after: float = IDLE_AFTER_SECONDS,
) -> UserPresence | None:
    """Ask the system, for less than a second. None when it does not know."""
    if system.startswith("linux"):
        return _linux(run)
    seconds: float | None = None
    if system == "darwin":
        seconds = _mac_idle_seconds(run)
    elif system == "win32":
        seconds = _windows_idle_seconds()
    if seconds is None:
        return None
    return "idle" if seconds >= idle_after else "active"


class Presence:
    """:func:`user_presence`, asked at most every ``every`` seconds. Thread-safe."""

    def __init__(
        self,
        *,
        ask: Callable[[], UserPresence | None] = user_presence,
        every: float = 10.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ask = ask
        self._every = every
        self._clock = clock
        self._lock = threading.Lock()
        self._asked: float | None = None
        self._answer: UserPresence | None = None

    def __call__(self) -> UserPresence | None:
        with self._lock:
            now = self._clock()
            if self._asked is None or now - self._asked >= self._every:
                self._answer = self._ask()
                self._asked = now
            return self._answer


def _linux(run: Run) -> UserPresence | None:
    """The session on the first seat, as logind sees it: the desktop sets its idle hint."""
    session = (run(["loginctl", "show-seat", "seat0", "--property=ActiveSession"]) or "").strip()
    name = session.partition("=")[2]
    if re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,63}", name) is None:
        return None
    asked = ["--property=IdleHint", "--property=LockedHint", "--property=Type"]
    output = run(["loginctl", "show-session", name, *asked])
    facts = dict(line.split("=", 1) for line in (output or "").splitlines() if "=" in line)
    if facts.get("IdleHint") == "yes" or facts.get("LockedHint") == "yes":
        return "idle"
    # On a text console and with a desktop that sets no hint, "no" would mean nothing.
    if facts.get("IdleHint") == "no" and facts.get("Type") in _GRAPHICAL:
        return "active"
    return None


def _mac_idle_seconds(run: Run) -> float | None:
    output = run(["ioreg", "-c", "IOHIDSystem", "-d", "4"]) or ""
    found = re.search(r'"HIDIdleTime"\s*=\s*(\d+)', output)
    return int(found.group(1)) / 1e9 if found else None


if sys.platform == "win32":

    class _LastInputInfo(ctypes.Structure):
        _fields_ = [("cbSize", ctypes.c_uint), ("dwTime", ctypes.c_uint)]

    def _windows_idle_seconds() -> float | None:
        info = _LastInputInfo(ctypes.sizeof(_LastInputInfo), 0)
        if not ctypes.windll.user32.GetLastInputInfo(ctypes.byref(info)):
            return None
        # Both count milliseconds since the start in 32 bits and wrap around together.
        now = ctypes.windll.kernel32.GetTickCount() & 0xFFFFFFFF
        return float((now - info.dwTime) & 0xFFFFFFFF) / 1000

else:

    def _windows_idle_seconds() -> float | None:
        return None
