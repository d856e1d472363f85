"""Log lines on their way to the studio: bounded, redacted, never in the way of the work."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable

from msgspec import Struct

from studio_worker_core.foreign_text import printable
from studio_worker_core.redaction import Redaction, hide, without_secrets
from studio_worker_core.secrets import Secret
from studio_worker_core.wire.frames import LogEntry
from studio_worker_core.wire.log_levels import level_word
from studio_worker_core.wire.timestamps import timestamp

_ROOT = "studio_worker"
_LONGEST_MESSAGE = 8192
_LONGEST_CATEGORY = 200
_LONGEST_JOB_ID = 200
_ENTRY_OVERHEAD = 200
_SHORTEST_SECRET = 4
# Sending a frame makes the WebSocket library log; shipping that would make it log again.
_NEVER_SHIPPED = (
    "studio_worker.session.log_shipping",
    "studio_worker.socket.library",
    "websockets",
)


class Redactor(logging.Filter):
    """Takes secrets out of every record it sees: all that are known to the process, and those
    it was told of. Add it to each handler that writes somewhere people look."""

    def __init__(self) -> None:
        super().__init__()
        self._own = Redaction(_SHORTEST_SECRET)

    def redact(self, secret: Secret | str | None) -> None:
        """Hide this text from now on. ``None``, and a text too short to be one, is ignored."""
        text = secret.reveal() if isinstance(secret, Secret) else secret
        if text is not None:
            hide(text)
            self._own.hide(text)

    def clean(self, text: str) -> str:
        """``text`` without any known secret."""
        return self._own.clean(without_secrets(text))

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the record where it holds a secret; never drops one."""
        message = record.getMessage()
        cleaned = self.clean(message)
        if cleaned != message:
            record.msg, record.args = cleaned, None
        if record.exc_info and not record.exc_text:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
        if record.exc_text:
            record.exc_text = self.clean(record.exc_text)
        return True


class _Held(Struct, frozen=True):
    entry: LogEntry
    size: int


class LogShipper(logging.Handler):
    """Keeps log records until a session takes them as entries of ``logBatch`` (§3).

    Holds at most ``max_entries`` and about ``max_bytes``; the oldest are dropped first, and
    an entry in their place says how many.

    :param also: hears of every entry, and returns at once.
    """

    def __init__(
        self,
        redactor: Redactor | None = None,
        *,
        level: int = logging.INFO,
        max_entries: int = 10_000,
        max_bytes: int = 4 * 1024 * 1024,
        clock: Callable[[], float] = time.time,
        also: Callable[[LogEntry], None] = lambda _: None,
    ) -> None:
        super().__init__(level)
        self.redactor = redactor or Redactor()
        """Knows the secrets; shared with the other handlers."""
        self._max_entries = max_entries
        self._max_bytes = max_bytes
        self._clock = clock
        self._also = also
        self._held: deque[_Held] = deque()
        self._bytes = 0
        self._dropped = 0
        self._marker: LogEntry | None = None
        self._marked = 0
        self._guard = threading.Lock()
        self._busy = threading.local()

    def redact(self, secret: Secret | str | None) -> None:
        """Never ship this text: see :meth:`Redactor.redact`."""
        self.redactor.redact(secret)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a record. What it logs itself on the way is not kept."""
        if getattr(self._busy, "emitting", False) or _is_never_shipped(record.name):
            return
        self._busy.emitting = True
        try:
            entry = self._entry(record)
        except Exception:
            # Formatting runs the __str__ of any object somebody logged: foreign code. It is not
            # told as logging does, on standard error: that may take nothing for ever.
            return
        finally:
            self._busy.emitting = False
        with self._guard:
            self._append(_held(entry))
            self._make_room()
        self._also(entry)

    def take(self, limit: int, *, max_bytes: int = 512 * 1024) -> list[LogEntry]:
        """At most ``limit`` entries of about ``max_bytes`` together, oldest first."""
        taken: list[LogEntry] = []
        size = 0
        with self._guard:
            if self._dropped and limit > 0:
                self._marker, self._marked = self._marker_for(self._dropped), self._dropped
                self._dropped = 0
                taken.append(self._marker)
            while self._held and len(taken) < limit:
                size += self._held[0].size
                if taken and size > max_bytes:
                    break
                held = self._held.popleft()
                self._bytes -= held.size
                taken.append(held.entry)
        return taken

    def put_back(self, entries: Iterable[LogEntry]) -> None:
        """Entries taken that were not sent, oldest first; they are the next ones again."""
        with self._guard:
            for entry in reversed(list(entries)):
                if entry is self._marker:
                    # Told again with whatever is dropped until then.
                    self._dropped += self._marked
                    self._marker = None
                    continue
                held = _held(entry)
                self._held.appendleft(held)
                self._bytes += held.size
            self._make_room()

    def __len__(self) -> int:
        with self._guard:
            return len(self._held)

    def _append(self, held: _Held) -> None:
        self._held.append(held)
        self._bytes += held.size

    def _make_room(self) -> None:
        while len(self._held) > self._max_entries or self._bytes > self._max_bytes:
            if len(self._held) == 1:
                return
            gone = self._held.popleft()
            self._bytes -= gone.size
            self._dropped += 1

    def _marker_for(self, dropped: int) -> LogEntry:
        return LogEntry(
            ts=timestamp(self._clock()),
            level="warn",
            category="log_shipping",
            message=f"{dropped} older log entries were dropped: they could not be sent "
            "in time and the room for them is bounded",
        )

    def _entry(self, record: logging.LogRecord) -> LogEntry:
        # Secrets go before the escapes come, which would hide them from the search.
        message = printable(self.redactor.clean(record.getMessage()))
        trace = record.exc_text
        if record.exc_info:
            trace = logging.Formatter().formatException(record.exc_info)
        if trace:
            lines = self.redactor.clean(trace).splitlines()
            message = "\n  ".join([message, *(printable(line) for line in lines)])
        job_id = getattr(record, "job_id", None)
        is_job = isinstance(job_id, str) and 0 < len(job_id) <= _LONGEST_JOB_ID
        return LogEntry(
            ts=timestamp(record.created),
            level=level_word(record.levelno),
            category=_category(record.name),
            message=_shortened(message),
            job_id=job_id if is_job else None,
        )


def _held(entry: LogEntry) -> _Held:
    size = len(entry.message.encode("utf-8", "replace")) + _ENTRY_OVERHEAD
    return _Held(entry, size)


def _is_never_shipped(name: str) -> bool:
    return any(name == each or name.startswith(f"{each}.") for each in _NEVER_SHIPPED)


def _category(name: str) -> str:
    return name.removeprefix(f"{_ROOT}.")[:_LONGEST_CATEGORY]


def _shortened(text: str) -> str:
    if len(text) <= _LONGEST_MESSAGE:
        return text
    return f"{text[:_LONGEST_MESSAGE]}… ({len(text) - _LONGEST_MESSAGE} more characters)"
