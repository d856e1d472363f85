"""Looking for work in the queue, at a cost that does not grow with what is passed by.

A lane is (kind, engine, shape). Within a lane the index goes by need of memory, so each need
that occurs costs one seek, and the first job of a need is its best: highest priority, oldest.
"""

from __future__ import annotations

import json

from studio_worker_core.wire.tasks import TaskKind
from studio_worker_studio.dispatch import Lane, Wanted
from studio_worker_studio.shapes import Shape
from studio_worker_studio.store.records import WaitingJob
from studio_worker_studio.store.sql.transaction import Row, Transaction

# INDEXED BY: without statistics the planner would rather sort all jobs that are queued.
_SEEK = (
    "FROM jobs AS j INDEXED BY jobs_waiting"
    " WHERE j.state = 'queued' AND j.kind = {0}.kind AND j.engine = {0}.engine"
)

FIRST_QUERY = f"""
WITH RECURSIVE
    lane (kind, engine, shape) AS (
        SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'),
            json_extract(value, '$[2]')
        FROM json_each(?1)
    ),
    need (kind, engine, shape, vram_gb) AS (
        SELECT kind, engine, shape, (
            SELECT j.vram_gb {_SEEK.format("lane")} AND j.shape = lane.shape
                AND j.vram_gb <= ?2
            ORDER BY j.vram_gb LIMIT 1
        ) FROM lane
        UNION ALL
        SELECT kind, engine, shape, (
            SELECT j.vram_gb {_SEEK.format("need")} AND j.shape = need.shape
                AND j.vram_gb > need.vram_gb AND j.vram_gb <= ?2
            ORDER BY j.vram_gb LIMIT 1
        ) FROM need WHERE vram_gb IS NOT NULL
    ),
    head (id) AS (
        SELECT (
            SELECT j.id {_SEEK.format("need")} AND j.shape = need.shape
                AND j.vram_gb = need.vram_gb
                AND j.job_id NOT IN (SELECT value FROM json_each(?3))
            ORDER BY j.priority DESC, j.id LIMIT 1
        ) FROM need WHERE vram_gb IS NOT NULL
    )
SELECT jobs.id, jobs.job_id, jobs.kind, jobs.engine, jobs.shape, jobs.model, jobs.vram_gb
FROM head CROSS JOIN jobs ON jobs.id = head.id
ORDER BY jobs.priority DESC, jobs.id LIMIT 1
"""  # noqa: S608 - fixed text

_QUEUED = "FROM jobs AS j INDEXED BY jobs_waiting WHERE j.state = 'queued'"
_IN_ORDER = "ORDER BY j.kind, j.engine, j.shape, j.vram_gb LIMIT 1"

LANES_QUERY = f"""
WITH RECURSIVE first (id) AS (
    SELECT (SELECT j.id {_QUEUED} {_IN_ORDER})
    UNION ALL
    SELECT coalesce(
        (SELECT j.id {_QUEUED} AND j.kind = here.kind AND j.engine = here.engine
            AND j.shape > here.shape {_IN_ORDER}),
        (SELECT j.id {_QUEUED} AND j.kind = here.kind AND j.engine > here.engine {_IN_ORDER}),
        (SELECT j.id {_QUEUED} AND j.kind > here.kind {_IN_ORDER})
    ) FROM first CROSS JOIN jobs AS here ON here.id = first.id
)
SELECT jobs.kind, jobs.engine, jobs.shape, jobs.vram_gb
FROM first CROSS JOIN jobs ON jobs.id = first.id
"""  # noqa: S608 - fixed text


def first_for(wanted: Wanted, c: Transaction) -> WaitingJob | None:
    """The job that ``wanted`` gets: highest priority, then oldest."""
    lanes = json.dumps([[lane.kind, lane.engine, int(lane.shape)] for lane in wanted.lanes])
    row = c.execute(
        FIRST_QUERY, (lanes, wanted.vram_gb, json.dumps(sorted(wanted.refused)))
    ).fetchone()
    if row is None:
        return None
    return WaitingJob(row["id"], row["job_id"], _lane_of(row), row["model"], row["vram_gb"])


def waiting_lanes(c: Transaction) -> dict[Lane, float]:
    """The lanes in which a job waits, with the least memory that one of it needs."""
    return {_lane_of(row): row["vram_gb"] for row in c.execute(LANES_QUERY)}


def _lane_of(row: Row) -> Lane:
    return Lane(TaskKind(row["kind"]), row["engine"], Shape(row["shape"]))
