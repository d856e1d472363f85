"""Jobs listed for people and programs, page by page."""

from __future__ import annotations

from studio_worker_core.wire.tasks import TaskKind
from studio_worker_studio.store.records import JobRecord, JobState
from studio_worker_studio.store.sql.rows import LISTED, listed_job_of
from studio_worker_studio.store.sql.transaction import Transaction


def page(
    state: JobState | None,
    after: int | None,
    limit: int,
    prefix: str,
    newest_first: bool,
    kind: TaskKind | None,
    model: str | None,
    c: Transaction,
) -> list[JobRecord]:
    """See :meth:`~studio_worker_studio.store.jobs.JobStore.page`."""
    where = ["TRUE"]
    chosen: list[str | int] = []
    if state is not None:
        where.append("state = ?")
        chosen.append(state.value)
    for column, wanted in (("kind", kind), ("model", model)):
        if wanted is not None:
            where.append(f"{column} = ?")
            chosen.append(str(wanted))
    if prefix:
        where.append("job_id >= ? AND job_id < ?")
        chosen += [prefix, prefix + "\U0010ffff"]
    sign, order = ("<", "DESC") if newest_first else (">", "ASC")
    if after is not None:
        where.append(f"id {sign} ?")
        chosen.append(after)
    query = f"SELECT {LISTED} FROM jobs WHERE {' AND '.join(where)} ORDER BY id {order} LIMIT ?"  # noqa: S608 - fixed text
    return [listed_job_of(row) for row in c.execute(query, (*chosen, limit))]
