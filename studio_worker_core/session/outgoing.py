"""What a session has yet to send: a bounded queue and the pace of progress frames."""

from __future__ import annotations

import math
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence

from msgspec import Struct, structs

from studio_worker_core.wire.frames import LogEntry, Progress

_JOBS_REMEMBERED = 32


class _Track(Struct):
    sent_at: float = -math.inf
    fraction: float = 0.0
    waiting: Progress | None = None


class ProgressPace:
    """At most one ``progress`` of a job per ``interval`` seconds, never backwards (§3.1).

    In between only the newest is kept. Pure: the caller brings the time.
    """

    def __init__(self, interval: float) -> None:
        self._interval = interval
        self._tracks: OrderedDict[str, _Track] = OrderedDict()

    def offer(self, frame: Progress) -> None:
        """Remember a report; a fraction below an earlier one is raised to it."""
        track = self._tracks.setdefault(frame.job_id, _Track())
        self._tracks.move_to_end(frame.job_id)
        if not math.isnan(frame.fraction):
            track.fraction = max(track.fraction, min(frame.fraction, 1.0))
        track.waiting = structs.replace(frame, fraction=track.fraction)
        # A job whose result went over HTTP never says here that it is over.
        while len(self._tracks) > _JOBS_REMEMBERED:
            self._tracks.popitem(last=False)

    def forget(self, job_id: str) -> None:
        """The job is over: what waits for it is not sent any more."""
        self._tracks.pop(job_id, None)

    def due_at(self) -> float | None:
        """When the next waiting report may go."""
        times = [
            track.sent_at + self._interval
            for track in self._tracks.values()
            if track.waiting is not None
        ]
        return min(times, default=None)

    def take(self, now: float) -> Progress | None:
        """A report that may go at ``now``."""
        for track in self._tracks.values():
            if track.waiting is not None and now - track.sent_at >= self._interval:
                frame, track.waiting, track.sent_at = track.waiting, None, now
                return frame
        return None


class _Item(Struct, frozen=True):
    text: str
    logs: tuple[LogEntry, ...] = ()


class Outgoing:
    """Frames on their way to the writer thread, bounded in number and characters.

    Log entries travel with the frame that carries them, so that those of frames that were
    not sent can be given back.
    """

    def __init__(
        self,
        encode: Callable[[Progress], str],
        *,
        clock: Callable[[], float],
        progress_interval: float,
        max_frames: int = 1024,
        max_chars: int = 64 * 1024 * 1024,
    ) -> None:
        self._encode = encode
        self._clock = clock
        self._max_frames = max_frames
        self._max_chars = max_chars
        self._pace = ProgressPace(progress_interval)
        self._items: deque[_Item] = deque()
        self._chars = 0
        self._in_hand: _Item | None = None
        self._finishing = False
        self._writer_gone = False
        self._changed = threading.Condition()

    def put(self, text: str, *, logs: Sequence[LogEntry] = (), ends_job: str | None = None) -> bool:
        """Queue a frame. ``False`` when there is no room for it or no more is taken.

        ``ends_job`` names the job this frame is the last word on.
        """
        with self._changed:
            full = len(self._items) >= self._max_frames or (
                bool(self._items) and self._chars + len(text) > self._max_chars
            )
            if self._finishing or full:
                return False
            self._items.append(_Item(text, tuple(logs)))
            self._chars += len(text)
            if ends_job is not None:
                self._pace.forget(ends_job)
            self._changed.notify_all()
            return True

    def put_progress(self, frame: Progress) -> bool:
        """Queue a progress report, to be sent when its turn comes. ``False`` as above."""
        with self._changed:
            if self._finishing:
                return False
            self._pace.offer(frame)
            self._changed.notify_all()
            return True

    def forget(self, job_id: str) -> None:
        """Send no more progress of this job."""
        with self._changed:
            self._pace.forget(job_id)

    @property
    def is_idle(self) -> bool:
        """Whether everything queued has been handed to the connection."""
        with self._changed:
            return self._is_idle()

    def wait_idle(self, timeout: float) -> bool:
        """Wait at most ``timeout`` seconds for that; ``False`` when it did not come about."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_idle() or self._writer_gone, timeout)
            return self._is_idle()

    def _is_idle(self) -> bool:
        return not self._items and self._in_hand is None

    @property
    def is_finishing(self) -> bool:
        """Whether no more frames are taken."""
        with self._changed:
            return self._finishing

    def take(self) -> str | None:
        """The next frame, waiting for one; ``None`` after :meth:`finish` when all are out.

        Asking for the next one says that the one before was sent.
        """
        with self._changed:
            self._in_hand = None
            self._changed.notify_all()
            while True:
                if self._items:
                    self._in_hand = self._items.popleft()
                    self._chars -= len(self._in_hand.text)
                    return self._in_hand.text
                if self._finishing:
                    return None
                progress = self._pace.take(self._clock())
                if progress is not None:
                    self._in_hand = _Item(self._encode(progress))
                    return self._in_hand.text
                due_at = self._pace.due_at()
                self._changed.wait(None if due_at is None else max(due_at - self._clock(), 0.001))

    def finish(self) -> None:
        """Take no more; what is queued is still handed out."""
        with self._changed:
            self._finishing = True
            self._changed.notify_all()

    def writer_failed(self) -> None:
        """The connection takes no more: what is queued stays until :meth:`abandon`."""
        with self._changed:
            self._finishing = True
            self._writer_gone = True
            self._changed.notify_all()

    def abandon(self) -> list[LogEntry]:
        """Take and hand out no more. Returns the log entries that were not sent."""
        with self._changed:
            self._finishing = True
            left = [self._in_hand] if self._in_hand is not None else []
            left += self._items
            self._items.clear()
            self._in_hand = None
            self._chars = 0
            self._changed.notify_all()
            return [entry for item in left for entry in item.logs]
