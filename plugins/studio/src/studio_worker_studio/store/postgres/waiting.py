"""Looking for work in the queue, at a cost that does not grow with what is passed by.

A lane is (kind, engine, shape). Within a lane the index goes by need of memory, so each need
that occurs costs one seek, and the first job of a need is its best: highest priority, oldest.
"""

from __future__ import annotations

from studio_worker_core.wire.tasks import TaskKind
from studio_worker_studio.dispatch import Lane, Wanted
from studio_worker_studio.shapes import Shape
from studio_worker_studio.store.records import WaitingJob
from studio_worker_studio.store.sql.transaction import Row, Transaction

_SEEK = (
    "FROM jobs AS j WHERE j.state = 'queued' AND j.kind = {0}.kind AND j.engine = {0}.engine"
    " AND j.shape = {0}.shape"
)

FIRST_QUERY = f"""
WITH RECURSIVE
    lane (kind, engine, shape) AS (SELECT * FROM unnest(?::text[], ?::text[], ?::bigint[])),
    need (kind, engine, shape, vram_gb) AS (
        SELECT kind, engine, shape, (
            SELECT j.vram_gb {_SEEK.format("lane")} AND j.vram_gb <= ?
            ORDER BY j.vram_gb LIMIT 1
        ) FROM lane
        UNION ALL
        SELECT kind, engine, shape, (
            SELECT j.vram_gb {_SEEK.format("need")} AND j.vram_gb > need.vram_gb
                AND j.vram_gb <= ?
            ORDER BY j.vram_gb LIMIT 1
        ) FROM need WHERE vram_gb IS NOT NULL
    )
SELECT head.* FROM need CROSS JOIN LATERAL (
    SELECT j.id, j.job_id, j.kind, j.engine, j.shape, j.model, j.vram_gb, j.priority
    {_SEEK.format("need")} AND j.vram_gb = need.vram_gb AND NOT j.job_id = ANY (?)
    ORDER BY j.priority DESC, j.id LIMIT 1
) AS head
WHERE need.vram_gb IS NOT NULL
ORDER BY head.priority DESC, head.id LIMIT 1
"""  # noqa: S608 - fixed text

_COLUMNS = "j.kind, j.engine, j.shape, j.vram_gb"

LANES_QUERY = f"""
WITH RECURSIVE head AS (
    (SELECT {_COLUMNS} FROM jobs AS j WHERE j.state = 'queued' ORDER BY {_COLUMNS} LIMIT 1)
    UNION ALL
    SELECT next.* FROM head CROSS JOIN LATERAL (
        SELECT {_COLUMNS} FROM jobs AS j WHERE j.state = 'queued'
            AND (j.kind, j.engine, j.shape) > (head.kind, head.engine, head.shape)
        ORDER BY {_COLUMNS} LIMIT 1
    ) AS next
)
SELECT * FROM head
"""  # noqa: S608 - fixed text


def first_for(wanted: Wanted, c: Transaction) -> WaitingJob | None:
    """The job that ``wanted`` gets: highest priority, then oldest."""
    lanes = list(wanted.lanes)
    row = c.execute(
        FIRST_QUERY,
        (
            [lane.kind.value for lane in lanes],
            [lane.engine for lane in lanes],
            [int(lane.shape) for lane in lanes],
            wanted.vram_gb,
            wanted.vram_gb,
            sorted(wanted.refused),
        ),
    ).fetchone()
    if row is None:
        return None
    return WaitingJob(row["id"], row["job_id"], _lane_of(row), row["model"], row["vram_gb"])


def waiting_lanes(c: Transaction) -> dict[Lane, float]:
    """The lanes in which a job waits, with the least memory that one of it needs."""
    return {_lane_of(row): row["vram_gb"] for row in c.execute(LANES_QUERY)}


def _lane_of(row: Row) -> Lane:
    return Lane(TaskKind(row["kind"]), row["engine"], Shape(row["shape"]))
