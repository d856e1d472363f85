"""Sums over the queue, for people who look at it. Each function is part of a transaction."""

from __future__ import annotations

from studio_worker_core.wire.tasks import TaskKind
from studio_worker_studio.store.records import Cause, Ended, Statistics, Waiting
from studio_worker_studio.store.sql.transaction import Transaction

_CAUSE = 160
"""Characters of a reason that make it the same as another."""
_MOST_CAUSES = 8


def statistics(since: float, until: float, parts: int, c: Transaction) -> Statistics:
    """See :meth:`~studio_worker_studio.store.jobs.JobStore.statistics`. Costs the jobs that wait,
    in an index, and those that ended in that time."""
    step = (until - since) / parts
    return Statistics(
        waiting=_waiting(c),
        ended=tuple(_ended(since + step * at, since + step * (at + 1), c) for at in range(parts)),
        causes=_causes(since, c),
    )


def _waiting(c: Transaction) -> tuple[Waiting, ...]:
    rows = c.execute(
        "SELECT kind, count(*) AS times, min(id) AS first FROM jobs WHERE state = 'queued'"
        " GROUP BY kind ORDER BY kind"
    ).fetchall()
    found = []
    for row in rows:
        oldest = c.execute("SELECT created_at FROM jobs WHERE id = ?", (row["first"],)).fetchone()
        found.append(Waiting(TaskKind(row["kind"]), row["times"], oldest["created_at"]))
    return tuple(found)


def _ended(since: float, until: float, c: Transaction) -> Ended:
    rows = c.execute(
        "SELECT state, count(*) AS times FROM jobs WHERE finished_at >= ? AND finished_at < ?"
        " GROUP BY state",
        (since, until),
    )
    counts = {row["state"]: row["times"] for row in rows}
    return Ended(since, counts.get("done", 0), counts.get("failed", 0))


def _causes(since: float, c: Transaction) -> tuple[Cause, ...]:
    rows = c.execute(
        f"SELECT substr(error, 1, {_CAUSE}) AS cause, count(*) AS times, max(finished_at) AS latest"  # noqa: S608 - a number
        " FROM jobs WHERE finished_at >= ? AND state = 'failed' GROUP BY 1"
        " ORDER BY 2 DESC, 3 DESC LIMIT ?",
        (since, _MOST_CAUSES),
    )
    return tuple(Cause(row["cause"] or "", row["times"], row["latest"]) for row in rows)
