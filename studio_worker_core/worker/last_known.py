"""Answers of a disk, a driver or a desktop that may hang, kept for those who cannot wait."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from studio_worker_core.errors import StudioWorkerError

log = logging.getLogger("studio_worker.worker")

T = TypeVar("T")

_STUCK_SECONDS = 10.0


class LastKnown(Generic[T]):
    """The latest answer to a question that :meth:`run`, on a thread of its own, asks again and
    again. Calling it never waits for that thread, whatever it is stuck in.

    :param what: names the thing asked, in the log.
    :param first: the answer until there is one.
    :param every: seconds between two questions; None asks only for :meth:`fresh`.
    :param clock: seconds that never go back.
    """

    def __init__(
        self,
        what: str,
        ask: Callable[[], T],
        first: T,
        *,
        every: float | None,
        clock: Callable[[], float] = time.monotonic,
        stuck_after: float = _STUCK_SECONDS,
    ) -> None:
        self._what = what
        self._ask = ask
        self._answer = first
        self._every = every
        self._clock = clock
        self._stuck_after = stuck_after
        self._changed = threading.Condition()  # held for a moment only, never while asking
        self._wanted = every is not None
        self._ended = False
        self._asking_since: float | None = None
        self._asked = 0
        self._told_stuck = False
        self._fault: str | None = None

    def __call__(self) -> T:
        """The latest answer. Says once in the log when the next one has not come for long."""
        since = self._asking_since
        if since is not None and not self._told_stuck:
            waited = self._clock() - since
            if waited >= self._stuck_after:
                self._tell_stuck(waited)
        return self._answer

    def fresh(self, seconds: float) -> T:
        """An answer to a question asked from now on, if it comes within ``seconds``; else the
        latest."""
        with self._changed:
            # One that is being asked now may have looked before the caller's question arose.
            wanted = self._asked + (1 if self._asking_since is None else 2)
            self._wanted = True
            self._changed.notify_all()
            if not self._told_stuck:
                self._changed.wait_for(lambda: self._asked >= wanted or self._ended, seconds)
        return self()

    def ask_now(self) -> T:
        """Ask on this thread, however long it takes: at a start, where there is time."""
        with self._changed:
            self._asking_since, self._wanted = self._clock(), False
        try:
            self._answer = self._ask()
        except (OSError, StudioWorkerError) as error:
            self._tell_fault(str(error))
        else:
            self._fault = None
        finally:
            with self._changed:
                self._asking_since = None
                self._asked += 1
                was_stuck, self._told_stuck = self._told_stuck, False
                self._changed.notify_all()
        if was_stuck:
            log.info("%s answers again", self._what)
        return self._answer

    def run(self) -> None:
        """Ask until :meth:`end`: the body of a thread."""
        while self._wait_for_turn():
            self.ask_now()

    def end(self) -> None:
        """Let :meth:`run` return, as soon as the question it may be asking is answered."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _wait_for_turn(self) -> bool:
        with self._changed:
            self._changed.wait_for(lambda: self._ended or self._wanted, self._every)
            return not self._ended

    def _tell_stuck(self, waited: float) -> None:
        with self._changed:
            if self._told_stuck or self._asking_since is None:
                return
            self._told_stuck = True
        log.warning(
            "%s has not answered for %.0f s; what it said before stands", self._what, waited
        )

    def _tell_fault(self, fault: str) -> None:
        if fault != self._fault:
            self._fault = fault
            log.warning("%s cannot be asked (%s); what it said before stands", self._what, fault)
