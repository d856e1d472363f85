"""What goes into the journal, and the statements that put it there."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Literal

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from studio_worker_core.journal.database import used_bytes
from studio_worker_core.journal.records import MOST_LINES, JobFacts, LogLine, facts_of

ENDED_WITH_WORKER = "the worker ended while the job ran"
"""The reason of a job that was running when its worker was killed."""

_OVERHEAD = 300
_PRUNED_AT_ONCE = 20
_FREE_PAGES = 256


class PutJob(Struct, frozen=True):
    """A job as it is now. The recipe is written with the first one that arrives."""

    facts: JobFacts
    recipe: bytes | None = None

    @property
    def size(self) -> int:
        """About how many bytes it holds in memory."""
        return _OVERHEAD + len(self.facts.prompt) + len(self.recipe or b"")


class PutLine(Struct, frozen=True):
    """The ``n``-th line of a job's log."""

    number: int
    n: int
    line: LogLine

    @property
    def size(self) -> int:
        """See :class:`PutJob`."""
        return _OVERHEAD + len(self.line.message)


class PutThumbnail(Struct, frozen=True):
    """The picture of a job's result."""

    number: int
    png: bytes

    @property
    def size(self) -> int:
        """See :class:`PutJob`."""
        return _OVERHEAD + len(self.png)


class Settle(Struct, frozen=True):
    """What became of a result of a job that an earlier run of the worker did."""

    job_id: str
    outcome: Literal["delivered", "refused", "lost"]
    reason: str | None
    file: str | None

    @property
    def size(self) -> int:
        """See :class:`PutJob`."""
        return _OVERHEAD


Change = PutJob | PutLine | PutThumbnail | Settle


def write(connection: sqlite3.Connection, run: str, changes: Sequence[Change]) -> None:
    """Put changes in; costs their number and length. Raises sqlite3.Error.

    :param run: this run of the worker.
    """
    newest: dict[int, int] = {}
    for change in changes:
        if isinstance(change, PutLine):
            newest[change.number] = change.n
    for change in changes:
        match change:
            case PutJob(facts, recipe):
                _put_job(connection, run, facts, recipe)
            case PutLine(number, n, line) if n > newest[number] - MOST_LINES:
                _put_line(connection, number, n, line)
            case PutThumbnail(number, png):
                connection.execute(
                    "INSERT OR REPLACE INTO thumbnails SELECT number, ? FROM jobs WHERE number = ?",
                    (png, number),
                )
            case Settle():
                _settle(connection, run, change)
            case _:
                pass
    for number, n in newest.items():
        if n >= MOST_LINES:
            connection.execute(
                "DELETE FROM lines WHERE job = ? AND n <= ?", (number, n - MOST_LINES)
            )


def close_running(connection: sqlite3.Connection, run: str) -> int:
    """End the jobs that an earlier run left as running; how many. Raises sqlite3.Error."""
    left = connection.execute(
        "SELECT number, facts, (SELECT max(ts) FROM lines WHERE job = number) FROM jobs"
        " WHERE status = 'running' AND run != ?",
        (run,),
    ).fetchall()
    for number, data, last in left:
        facts = facts_of(data)
        if facts is None:  # its status alone: what is not understood stays as it is
            connection.execute("UPDATE jobs SET status = 'failed' WHERE number = ?", (number,))
        else:
            _put_job(connection, run, ended_with_worker(facts, last), None)
    return len(left)


def ended_with_worker(facts: JobFacts, last_line: float | None) -> JobFacts:
    """The facts of a running job whose worker is gone; it was last seen with its last line."""
    seen = max(facts.accepted, facts.started or 0.0, last_line or 0.0)
    return replace(facts, status="failed", reason=ENDED_WITH_WORKER, finished=seen)


def newest_number(connection: sqlite3.Connection) -> int:
    """The number of the latest job; 0 where there is none."""
    return int(connection.execute("SELECT coalesce(max(number), 0) FROM jobs").fetchone()[0])


def prune(connection: sqlite3.Connection, max_jobs: int, max_bytes: float) -> None:
    """Remove the oldest jobs that do not run, until the rest is within bounds; costs what is
    removed. Raises sqlite3.Error."""
    (count,) = connection.execute("SELECT count(*) FROM jobs").fetchone()
    over = count - max_jobs
    while over > 0 or used_bytes(connection) > max_bytes:
        gone = connection.execute(
            "DELETE FROM jobs WHERE number IN (SELECT number FROM jobs"
            " WHERE status != 'running' ORDER BY number LIMIT ?)",
            (min(max(over, 1), _PRUNED_AT_ONCE),),
        ).rowcount
        if gone <= 0:
            return
        over -= gone


def give_back_room(connection: sqlite3.Connection) -> None:
    """Make the file smaller where much of it is free. Raises sqlite3.Error."""
    (free,) = connection.execute("PRAGMA freelist_count").fetchone()
    if free > _FREE_PAGES:
        connection.execute("PRAGMA incremental_vacuum").fetchall()


def _put_job(
    connection: sqlite3.Connection, run: str, facts: JobFacts, recipe: bytes | None
) -> None:
    connection.execute(
        "INSERT INTO jobs (number, id, source, status, model, prompt, run, facts, recipe)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (number) DO UPDATE SET"
        " status = excluded.status, facts = excluded.facts",
        (
            facts.number,
            facts.job_id,
            facts.source,
            facts.status,
            facts.model,
            facts.prompt,
            run,
            msgspec.json.encode(facts),
            recipe,
        ),
    )


def _put_line(connection: sqlite3.Connection, number: int, n: int, line: LogLine) -> None:
    # Only beside its job: one that was lost, or is pruned, has no log either.
    connection.execute(
        "INSERT OR REPLACE INTO lines SELECT number, ?, ?, ?, ?, ? FROM jobs WHERE number = ?",
        (n, line.ts, line.level, line.target, line.message, number),
    )


def _settle(connection: sqlite3.Connection, run: str, change: Settle) -> None:
    found = connection.execute(
        "SELECT facts FROM jobs WHERE id = ? AND source = 'studio' ORDER BY number DESC LIMIT 1",
        (change.job_id,),
    ).fetchone()
    facts = facts_of(found[0]) if found is not None else None
    if facts is not None:
        _put_job(connection, run, settled(facts, change), None)


def settled(facts: JobFacts, change: Settle) -> JobFacts:
    """The facts with what became of the result."""
    return replace(
        facts,
        delivery=change.outcome,
        delivery_reason=change.reason,
        file=change.file or facts.file,
    )
