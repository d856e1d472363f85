from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from studio_worker_core.config import OutboxLimits
from studio_worker_core.outbox import Outbox
from tests.outbox.conftest import Jobs
from tests.support.faulty_disk import FaultyDisk


def test_no_offers_when_the_bound_is_near(root: Path, jobs: Jobs, disk: FaultyDisk) -> None:
    limits = [OutboxLimits(max_gb=1e-6, min_free_gb=0.5)]
    outbox = Outbox(root, lambda: limits[0], disk=disk)
    assert outbox.room() is None
    entry = jobs.finished_image(outbox, data=jobs.png.ljust(950, b"x"))
    assert "outbox.max_gb is 1e-06" in (outbox.room() or "")
    limits[0] = OutboxLimits(max_gb=0)
    assert outbox.room() is None
    limits[0] = OutboxLimits(max_gb=1e-6)
    outbox.acknowledge(entry)
    assert outbox.room() is None


def test_no_offers_when_the_disk_is_nearly_full(root: Path, disk: FaultyDisk) -> None:
    outbox = Outbox(root, OutboxLimits, disk=disk)
    disk.free = 400_000_000
    assert "only 400.0 MB free" in (outbox.room() or "")
    disk.free = 600_000_000
    assert outbox.room() is None


def test_refused_results_are_pruned_by_age(root: Path, jobs: Jobs) -> None:
    now = [datetime(2026, 1, 1, tzinfo=UTC)]
    outbox = Outbox(root, lambda: OutboxLimits(refused_days=30), now=lambda: now[0])
    outbox.refuse(jobs.finished_image(outbox, "old"), "x")
    now[0] += timedelta(days=20)
    outbox.refuse(jobs.finished_image(outbox, "new"), "x")
    jobs.finished_image(outbox, "waiting")
    now[0] += timedelta(days=11)
    assert [path.name for path in outbox.prune()] == ["old"]
    assert [entry.job_id for entry in outbox.refused()] == ["new"]
    now[0] += timedelta(days=10_000)
    outbox.prune()
    assert [entry.job_id for entry in outbox.pending()] == ["waiting"]


def test_refused_results_are_pruned_by_size_oldest_first(root: Path, jobs: Jobs) -> None:
    times = (datetime(2026, 1, 1, 0, 0, second, tzinfo=UTC) for second in range(60))
    size = len(jobs.png)
    limits = OutboxLimits(refused_days=0, refused_max_gb=2.5 * size / 1e9)
    outbox = Outbox(root, lambda: limits, now=lambda: next(times))
    for job in ("a", "b", "c", "d"):
        outbox.refuse(jobs.finished_image(outbox, job), "x")
    outbox.prune()
    assert [entry.job_id for entry in outbox.refused()] == ["c", "d"]
