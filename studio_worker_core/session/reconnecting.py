"""Session after session, with growing pauses, until told to stop (protocol §3, rules)."""

from __future__ import annotations

import contextlib
import logging
import queue
import random
import threading
import time
from collections.abc import Callable

from msgspec import Struct
from websockets.sync.connection import Connection

from studio_worker_core.errors import SessionRefused, StudioError, TransportError
from studio_worker_core.retrying import Backoff
from studio_worker_core.secrets import Secret
from studio_worker_core.session.conversation import Session
from studio_worker_core.session.handler import SessionHandler
from studio_worker_core.session.timings import Timings

_log = logging.getLogger("studio_worker.session.reconnecting")

_FIRST_SECONDS = 1.0
_CAP_SECONDS = 30.0
_JITTER = 0.25


class Connecting(Struct, frozen=True):
    """Opening a connection and waiting for ``welcome``."""

    attempt: int
    """1 for the first since the last session that reached ``welcome``."""


class Connected(Struct, frozen=True):
    """The studio has said ``welcome``."""

    session_number: int


class Waiting(Struct, frozen=True):
    """Pausing before the next attempt."""

    seconds: float
    reason: str


LinkState = Connecting | Connected | Waiting


class Reconnecting:
    """Keeps a session with the studio for as long as it is wanted.

    ``connect`` opens a connection (see :func:`.open_socket`); ``attempts_limit`` is the
    number of attempts in a row that may fail, 0 or ``None`` for no limit; ``on_state`` is
    told of every change, from the thread in :meth:`run`, and returns quickly.
    """

    def __init__(
        self,
        connect: Callable[[], Connection],
        handler: SessionHandler,
        token: Secret,
        *,
        attempts_limit: int | None = None,
        roll: Callable[[], float] = random.random,
        on_state: Callable[[LinkState], None] | None = None,
        timings: Timings | None = None,
        clock: Callable[[], float] = time.monotonic,
        first_pause: float = _FIRST_SECONDS,
        longest_pause: float = _CAP_SECONDS,
        sessions_before: int = 0,
    ) -> None:
        self._connect = connect
        self._handler = handler
        self._token = token
        self._limit = attempts_limit or None
        self._on_state = on_state or (lambda _: None)
        self._timings = timings or Timings()
        self._clock = clock
        self._backoff = Backoff(first_pause, longest_pause, high=1.0 + _JITTER)
        self._roll = roll
        self._sessions = sessions_before
        self._failures = 0
        self._pauses = 0
        """In a row since the last ``welcome``."""

    @property
    def sessions(self) -> int:
        """Sessions begun so far in this process: their numbers never come twice."""
        return self._sessions

    def run(self, stop: threading.Event) -> None:
        """Hold sessions until ``stop`` is set.

        Raises:
            SessionRefused: the studio ended a session for good, or refuses the token.
            TransportError: ``attempts_limit`` attempts in a row failed.
            ConfigError: the address cannot be used at all.
        """
        while not stop.is_set():
            reason = self._attempt(stop)
            if reason is None or stop.is_set():
                return
            self._pauses += 1
            pause = self._backoff.pause(self._pauses, self._roll())
            _log.warning("%s; connecting again in %.1f s", reason, pause)
            self._on_state(Waiting(pause, reason))
            stop.wait(pause)

    def _attempt(self, stop: threading.Event) -> str | None:
        """One connection and its session; why it is over, ``None`` when we were stopped."""
        self._on_state(Connecting(self._failures + 1))
        try:
            connection = self._opened(stop)
        except SessionRefused:
            raise
        except StudioError as error:
            return self._failed(str(error))
        if connection is None:
            return None
        self._sessions += 1
        session = Session(
            connection,
            self._handler,
            self._token,
            number=self._sessions,
            timings=self._timings,
            clock=self._clock,
            on_welcomed=self._welcomed,
        )
        ended = session.run(stop)
        return ended.detail if ended.welcomed else self._failed(ended.detail)

    def _welcomed(self) -> None:
        self._failures = self._pauses = 0
        _log.info("connected to the studio")
        self._on_state(Connected(self._sessions))

    def _failed(self, reason: str) -> str:
        self._failures += 1
        if self._limit is not None and self._failures >= self._limit:
            raise TransportError(
                "connect",
                f"gave up after {self._failures} attempts in a row ({reason}); check that the "
                "studio is up, or set ws_reconnect_attempts to 0 to try for ever",
            )
        return reason

    def _opened(self, stop: threading.Event) -> Connection | None:
        """A connection; ``None`` when ``stop`` came first.

        Connecting may take its whole time-out and cannot be interrupted, so it has a thread
        of its own that a stop leaves behind; it closes what it may still get.
        """
        answers: queue.Queue[Connection | BaseException] = queue.Queue()
        given_up = threading.Event()

        def work() -> None:
            try:
                answers.put(self._connect())
            except BaseException as error:  # handed to the caller, whatever it is
                answers.put(error)
            if given_up.is_set():
                _close_unclaimed(answers)

        thread = threading.Thread(target=work, name="connect", daemon=True)
        thread.start()
        while not stop.is_set():
            with contextlib.suppress(queue.Empty):
                answer = answers.get(timeout=self._timings.stop_poll)
                thread.join()
                if isinstance(answer, BaseException):
                    raise answer
                return answer
        given_up.set()
        _close_unclaimed(answers)
        return None


def _close_unclaimed(answers: queue.Queue[Connection | BaseException]) -> None:
    # Called by both sides of the race between an answer and giving up: one finds it.
    with contextlib.suppress(queue.Empty):
        answer = answers.get_nowait()
        if not isinstance(answer, BaseException):
            answer.close()
