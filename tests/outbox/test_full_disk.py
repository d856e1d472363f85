from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from studio_worker_core.config import OutboxLimits
from studio_worker_core.errors import OutboxError
from studio_worker_core.outbox import Outbox
from tests.outbox.conftest import Jobs
from tests.support.faulty_disk import FaultyDisk


@pytest.fixture
def full(root: Path, disk: FaultyDisk) -> Outbox:
    outbox = Outbox(root, OutboxLimits, disk=disk)
    outbox.recover()
    disk.free = 123_000_000
    return outbox


@pytest.mark.parametrize("step", range(12))
@pytest.mark.parametrize("kind", ["image", "chat"])
def test_a_full_disk_while_finishing_is_said_and_recovered_from(
    full: Outbox, disk: FaultyDisk, jobs: Jobs, step: int, kind: str
) -> None:
    finish = jobs.finished_image if kind == "image" else jobs.finished_chat
    disk.arm("full", step=step)
    error: OutboxError | None = None
    try:
        finish(full)
    except OutboxError as raised:
        error = raised
    assert (error is None) == disk.is_armed
    if error is not None:
        assert error.free == 123_000_000
        assert error.needed is not None
        assert "the disk is full" in str(error)
        assert "123.0 MB free" in str(error)
        assert full.pending() == []
    disk.disarm()
    entry = finish(full)
    assert full.pending() == [entry]
    assert list(full.root.rglob("*.tmp")) == []


def test_the_old_manifest_stays_whole_when_the_new_one_finds_no_room(
    full: Outbox, disk: FaultyDisk, jobs: Jobs
) -> None:
    entry = jobs.finished_image(full)
    before = (entry.directory / "manifest.json").read_bytes()
    disk.arm("full", step=0)
    noted = full.note_failure(entry, "503")
    assert noted is not None
    assert noted.manifest.attempts == 1
    assert (entry.directory / "manifest.json").read_bytes() == before
    assert full.pending() == [entry]


def test_a_result_is_refused_even_when_the_reason_finds_no_room(
    full: Outbox, disk: FaultyDisk, jobs: Jobs
) -> None:
    entry = jobs.finished_image(full)
    disk.arm("full", step=0)
    kept: Any = full.refuse(entry, "not ours", 409)
    assert full.pending() == []
    assert full.refused() == [kept]


def test_a_retry_on_a_full_disk_leaves_the_refused_result(
    full: Outbox, disk: FaultyDisk, jobs: Jobs
) -> None:
    kept: Any = full.refuse(jobs.finished_image(full), "not ours", 409)
    disk.arm("full", step=0)
    with pytest.raises(OutboxError, match="full"):
        full.retry(kept)
    assert full.refused() == [kept]
    assert full.retry(kept).path.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX limits")
def test_a_real_file_size_limit_is_a_full_disk(root: Path) -> None:
    script = textwrap.dedent(
        """
        import resource, sys
        from pathlib import Path
        from studio_worker_core.config import OutboxLimits
        from studio_worker_core.errors import OutboxError
        from studio_worker_core.outbox import Outbox
        from studio_worker_core.wire.frames import Claim
        from studio_worker_core.wire.models import ModelSource
        from studio_worker_core.wire.tasks import ChatMessage, LlmTask

        asked = LlmTask(messages=[ChatMessage("user", "x" * 5000)])
        claim = Claim(job_id="job", model="m", task=asked,
                      model_source=ModelSource(engine="e"))
        outbox = Outbox(Path(sys.argv[1]), OutboxLimits)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
        draft = outbox.begin(claim, "w", 1)
        result = draft.directory / "result.json"
        result.write_bytes(b"{}")
        try:
            outbox.finish(draft, result)
        except OutboxError as error:
            print(error.needed > 5000, error.free > 0, outbox.pending())
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, resource.RLIM_INFINITY))
        print(outbox.finish(draft, result).manifest.bytes)
        """
    )
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", script, str(root)],
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout.splitlines() == ["True True []", "2"], done.stderr


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root may write anywhere")
def test_an_unwritable_outbox_is_named(root: Path, jobs: Jobs) -> None:
    root.mkdir(mode=0o500)
    with pytest.raises(OutboxError, match=str(root)):
        Outbox(root, OutboxLimits).recover()


def test_a_refused_result_whose_move_finds_no_room_is_still_listed(
    full: Outbox, disk: FaultyDisk, jobs: Jobs
) -> None:
    entry = jobs.finished_image(full)
    disk.arm("full", step=2)
    with pytest.raises(OutboxError, match="full"):
        full.refuse(entry, "not ours", 409)
    assert full.pending() == []
    assert [each.job_id for each in full.refused()] == ["job-1"]
    again = full.retry(full.refused()[0])
    assert full.pending() == [again]
    assert full.refused() == []


def test_a_new_draft_never_removes_an_unmoved_or_unreadable_result(
    full: Outbox, disk: FaultyDisk, jobs: Jobs
) -> None:
    entry = jobs.finished_image(full)
    disk.arm("full", step=2)
    with pytest.raises(OutboxError, match="full"):
        full.refuse(entry, "not ours", 409)
    jobs.finished_image(full)
    assert [each.job_id for each in full.refused()] == ["job-1"]
    (waiting,) = full.pending()
    (waiting.directory / "manifest.json").write_text("{")
    jobs.finished_image(full)
    assert len(full.pending()) == 1
    assert (full.corrupt()[0] / "result.png").read_bytes() == jobs.png
