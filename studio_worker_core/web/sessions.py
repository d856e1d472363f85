"""Who is signed in: sessions of browsers, and the codes that open one. All of it in memory."""

from __future__ import annotations

import hmac
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from msgspec import Struct

CODE_SECONDS = 60.0
"""A code opens one session within this time."""

_IDLE_SECONDS = 7 * 86_400.0
_MOST_CODES = 32
_MOST_SESSIONS = 64


class Session(Struct):
    """One browser that is signed in."""

    csrf: str
    """What every change it asks for has to show."""
    seen: float
    """When it was last heard of, on the clock of the sessions."""


class Sessions:
    """Codes and sessions, the oldest of which go when there are too many. Safe to use from any
    thread; every call costs the same however many there are.

    :param clock: seconds, never backwards.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._codes: OrderedDict[str, float] = OrderedDict()
        self._sessions: OrderedDict[str, Session] = OrderedDict()

    def new_code(self) -> str:
        """A code that opens one session, once, within :data:`CODE_SECONDS`."""
        code = secrets.token_urlsafe(24)
        with self._lock:
            self._codes[code] = self._clock() + CODE_SECONDS
            while len(self._codes) > _MOST_CODES:
                self._codes.popitem(last=False)
        return code

    def open(self, code: str) -> str | None:
        """The id of a new session for ``code``; None when it is none, was used, or is too old."""
        with self._lock:
            until = self._codes.pop(code, None)
            if until is None or self._clock() > until:
                return None
            name = secrets.token_urlsafe(32)
            self._sessions[name] = Session(secrets.token_urlsafe(24), self._clock())
            while len(self._sessions) > _MOST_SESSIONS:
                self._sessions.popitem(last=False)
        return name

    def find(self, name: str) -> Session | None:
        """The session of that id, while it lasts."""
        with self._lock:
            session = self._sessions.get(name)
            if session is None:
                return None
            now = self._clock()
            if now - session.seen > _IDLE_SECONDS:
                del self._sessions[name]
                return None
            session.seen = now
            self._sessions.move_to_end(name)
            return session

    def end(self, name: str) -> None:
        """Sign out."""
        with self._lock:
            self._sessions.pop(name, None)


def same(given: str | None, right: str) -> bool:
    """Whether ``given`` is the secret ``right``, in a time that tells nothing."""
    return hmac.compare_digest((given or "").encode("utf-8", "replace"), right.encode())
