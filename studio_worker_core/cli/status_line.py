"""The one live line of a running worker, fitted to the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from studio_worker_core.foreign_text import printable
from studio_worker_core.redaction import without_secrets

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult
    from rich.text import Text

    from studio_worker_core.worker.status import JobStatus, WorkerStatus

_GAP = 2
_BAR = 20
_SHORTEST_BAR = 8
_SHORTEST_TEXT = 6


class StatusLine:
    """State, the oldest running job with its progress, and the counts, on one line.

    ``43% +2`` is that job's progress, and two more that run. Where there is no room for all,
    this, the state and the counts stay whole; the reason, the job's name and the bar share what
    is left.
    """

    def __init__(self, status: WorkerStatus) -> None:
        self._status = status

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield self._line(options.max_width)

    def _line(self, width: int) -> Text:
        from rich.text import Text

        status = self._status
        state, counts = Text(status.state, style=_state_style(status)), Text(_counts(status))
        job = next(iter(status.jobs), None)
        kept = [state, counts]
        if job is not None:
            more = f" +{len(status.jobs) - 1}" if len(status.jobs) > 1 else ""
            kept.insert(1, Text(f"{job.fraction:4.0%}{more}"))
        left = width - sum(part.cell_len for part in kept) - _GAP * (len(kept) - 1)
        left = self._reason(state, left, busy=job is not None)
        if job is not None:
            kept[1:1] = _job_parts(job, left)
        line = Text(" " * _GAP, no_wrap=True, overflow="ellipsis").join(kept)
        line.truncate(width, overflow="ellipsis")
        return line

    def _reason(self, state: Text, left: int, *, busy: bool) -> int:
        """Add to the state why it is so, as far as there is room; the room that is left."""
        status = self._status
        why = ", takes no jobs" if status.not_taking else ""
        more = f": {status.not_taking}" if status.not_taking else f" {status.detail}".rstrip()
        before = state.cell_len
        if len(why) <= left:
            state.append(why)
            rest = left - len(why)
            # Beside a job, the reason takes at most half of the room.
            state.append(_cut(printable(more), rest // 2 if busy else rest))
        return left - (state.cell_len - before)


def _job_parts(job: JobStatus, left: int) -> list[Text]:
    from rich.text import Text

    message = f" ({job.message})" if job.message else ""
    name = printable(without_secrets(f"{job.kind} {job.model}{message}"))
    parts: list[Text] = []
    room = left - _GAP
    if room < _SHORTEST_TEXT:
        return parts
    bar = min(_BAR, room - _GAP - min(len(name), room // 2))
    if bar >= _SHORTEST_BAR:
        room -= bar + _GAP
    shown = Text(_cut(name, room))
    parts.append(shown)
    if bar >= _SHORTEST_BAR:
        done = round(bar * min(max(job.fraction, 0.0), 1.0))
        parts.append(Text("━" * done, style="bar.complete") + Text("━" * (bar - done), "bar.back"))
    return parts


def _cut(text: str, width: int) -> str:
    from rich.text import Text

    if width < _SHORTEST_TEXT:
        return ""
    cut = Text(text)
    cut.truncate(width, overflow="ellipsis")
    return cut.plain


def _counts(status: WorkerStatus) -> str:
    counts = f"{status.done} done, {status.failed} failed"
    return counts + (f", {status.undelivered} to deliver" if status.undelivered else "")


def _state_style(status: WorkerStatus) -> str:
    if status.not_taking or status.state in ("waiting", "stopping"):
        return "yellow"
    return "green" if status.state in ("connected", "serving") else "cyan"
