"""Results of another identity in the outbox: no time and no other job takes them away."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from studio_worker_core.config import OutboxLimits
from studio_worker_core.outbox import Outbox
from tests.outbox.conftest import Jobs


def test_no_time_prunes_them(tmp_path: Path, jobs: Jobs) -> None:
    now = [datetime(2026, 1, 1, tzinfo=UTC)]
    outbox = Outbox(tmp_path / "outbox", OutboxLimits, now=lambda: now[0])
    waiting = jobs.finished_image(outbox, "waiting")
    turned_away = outbox.refuse(jobs.finished_image(outbox, "turned-away"), "who are you?", 401)
    outbox.refuse(jobs.finished_image(outbox, "refused"), "not wanted", 409)
    now[0] += timedelta(days=1000)
    outbox.prune()
    assert outbox.pending() == [waiting]
    assert outbox.refused() == [turned_away]


def test_a_job_of_the_same_id_leaves_them_waiting(outbox: Outbox, jobs: Jobs) -> None:
    old = jobs.finished_image(outbox, "job-1")
    draft = outbox.begin(jobs.image_claim("job-1", "another"), "worker-2", 1)
    path = draft.directory / "result.png"
    path.write_bytes(jobs.png)
    new = outbox.finish(draft, path)
    assert [(e.job_id, e.manifest.worker) for e in outbox.pending()] == [
        ("job-1", "worker-1"),
        ("job-1", "worker-2"),
    ]
    assert outbox.find("job-1") == new
    assert outbox.refused() == []
    kept = outbox.pending()[0]
    assert kept.manifest == old.manifest
    assert outbox.recover() == []
    assert len(outbox.pending()) == 2


def test_they_take_no_room_from_the_work_of_this_one(tmp_path: Path, jobs: Jobs) -> None:
    outbox = Outbox(tmp_path / "outbox", lambda: OutboxLimits(max_gb=1e-9, min_free_gb=0))
    jobs.finished_image(outbox)
    assert outbox.room("worker-1") is not None
    assert outbox.room("worker-2") is None
