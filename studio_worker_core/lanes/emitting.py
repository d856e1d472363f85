"""Sending on what an engine emits, from a thread of its own: the engine never waits for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import TracebackType

from studio_worker_core.foreign_text import encodable
from studio_worker_core.lanes import protocol as messages
from studio_worker_core.lanes.live import Wanted

MAX_EMITTED = 4 << 20
"""Most characters of one job; what comes after them is not sent."""

_PIECE = 48 * 1024  # characters: at four bytes each it fits a message
_PAUSE_SECONDS = 0.02
_SIGN_SECONDS = 1.0


class Emitter:
    """The text of one job: a context manager whose end waits until all of it is sent.

    What is emitted while the channel is full, or within 20 ms of the last piece, goes along
    with the next one. Emitting costs the piece's own length, sending a piece the pieces in it.

    :param wanted: without a wish for text only signs of life are sent, one a second; None sends
        nothing at all.
    """

    def __init__(
        self, job_id: str, send: Callable[[messages.FromChild], None], wanted: Wanted | None
    ) -> None:
        self._job_id = job_id
        self._send = send
        self._wanted = wanted
        self._changed = threading.Condition()
        self._pieces: list[str] = []
        self._characters = 0
        self._closed = False
        self._thread: threading.Thread | None = None
        self._sign_at = 0.0

    def __enter__(self) -> Emitter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()

    def emit(self, text: str) -> None:
        """Have a piece sent, from any thread; after the end nothing is."""
        if not text or self._wanted is None:
            return
        if not self._wanted.text:
            self._give_sign()
            return
        with self._changed:
            if self._closed or self._characters >= MAX_EMITTED:
                return
            kept = text[: MAX_EMITTED - self._characters]
            self._characters += len(kept)
            self._pieces.append(kept)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="emitter", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def _give_sign(self) -> None:
        now = time.monotonic()
        with self._changed:
            if self._closed or now - self._sign_at < _SIGN_SECONDS:
                return
            self._sign_at = now
        self._send(messages.Emitted(self._job_id, ""))

    def _work(self) -> None:
        while pieces := self._taken():
            text = encodable("".join(pieces))
            for start in range(0, len(text), _PIECE):
                self._send(messages.Emitted(self._job_id, text[start : start + _PIECE]))
            with self._changed:
                self._changed.wait_for(lambda: self._closed, _PAUSE_SECONDS)

    def _taken(self) -> list[str]:
        """All there is, waiting for some; nothing once it is over."""
        with self._changed:
            self._changed.wait_for(lambda: self._pieces or self._closed)
            pieces, self._pieces = self._pieces, []
            return pieces
