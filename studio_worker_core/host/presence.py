"""Whether a person is at this machine: ``idle``, ``active`` or, where nobody can say, None."""

from __future__ import annotations

import ctypes
import os
import re
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Literal

from studio_worker_core.host.commands import Run, output_of
from studio_worker_core.host.x11_idle import x11_idle_seconds

UserPresence = Literal["idle", "active"]

IDLE_AFTER_SECONDS = 120.0
"""Without a key or a mouse for so long, the person is away."""

_run: Run = partial(output_of, within=0.45)
_GRAPHICAL = frozenset({"x11", "wayland", "mir"})
_ASKED_ON_THE_BUS = (
    (
        "org.gnome.Mutter.IdleMonitor",
        "/org/gnome/Mutter/IdleMonitor/Core",
        "GetIdletime",
    ),
    ("org.freedesktop.ScreenSaver", "/ScreenSaver", "GetSessionIdleTime"),
)

X11 = Callable[[Mapping[str, str]], float | None]


def user_presence(
    *,
    run: Run = _run,
    system: str = sys.platform,
    environ: Mapping[str, str] | None = None,
    x11: X11 = x11_idle_seconds,
    idle_after: float = IDLE_AFTER_SECONDS,
) -> UserPresence | None:
    """Ask the system, for a few seconds at most. None when it does not know.

    On Linux: GNOME (``org.gnome.Mutter.IdleMonitor``), KDE (``org.freedesktop.ScreenSaver``),
    the screen saver extension of an X server, and logind, whichever answers first. macOS:
    ``HIDIdleTime``. Windows: ``GetLastInputInfo``.
    """
    if system.startswith("linux"):
        return _linux(run, os.environ if environ is None else environ, x11, idle_after)
    seconds: float | None = None
    if system == "darwin":
        seconds = _mac_idle_seconds(run)
    elif system == "win32":
        seconds = _windows_idle_seconds()
    if seconds is None:
        return None
    return _judged(seconds, idle_after)


def _linux(
    run: Run, environ: Mapping[str, str], x11: X11, idle_after: float
) -> UserPresence | None:
    seconds = _bus_idle_seconds(run, environ)
    if seconds is None and "WAYLAND_DISPLAY" not in environ:
        # The X server beside a Wayland desktop sees only what goes to its own windows.
        seconds = x11(environ)
    if seconds is None:
        return _logind(run)
    return _judged(seconds, idle_after)


def _judged(seconds: float, idle_after: float) -> UserPresence:
    return "idle" if seconds >= idle_after else "active"


def _bus_idle_seconds(run: Run, environ: Mapping[str, str]) -> float | None:
    """What GNOME or KDE says on the bus of the session; both count milliseconds."""
    runtime = environ.get("XDG_RUNTIME_DIR")
    if not environ.get("DBUS_SESSION_BUS_ADDRESS") and not (
        runtime and Path(runtime, "bus").exists()
    ):
        return None
    for name, path, method in _ASKED_ON_THE_BUS:
        # Without auto-start: asking must not bring up half a desktop.
        output = run(["busctl", "--user", "--auto-start=no", "call", name, path, name, method])
        if output is None:
            place = ("--dest", name, "--object-path", path)
            output = run(["gdbus", "call", "--session", *place, "--method", f"{name}.{method}"])
        found = re.search(r"(?:^|[ (])(\d{1,15}),?\)?\s*$", output or "")
        if found is not None:
            return int(found[1]) / 1000
    return None


def _logind(run: Run) -> UserPresence | None:
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
