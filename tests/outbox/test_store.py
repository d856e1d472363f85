from __future__ import annotations

import hashlib
import logging
import stat
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from studio_worker_core.config import OutboxLimits
from studio_worker_core.errors import OutboxError
from studio_worker_core.outbox import Entry, Outbox, directory_name
from studio_worker_core.outbox.manifest import MANIFEST_NAME
from tests.outbox.conftest import Jobs, Reopen


def test_a_finished_result_is_pending_with_its_books(
    outbox: Outbox, jobs: Jobs, root: Path
) -> None:
    entry = jobs.finished_image(outbox, prompt="a castle\nwith towers")
    assert outbox.pending() == [entry]
    manifest = entry.manifest
    assert entry.path.read_bytes() == jobs.png
    assert manifest.sha256 == hashlib.sha256(jobs.png).hexdigest()
    assert (manifest.job, manifest.worker, manifest.session) == ("job-1", "worker-1", 1)
    assert (manifest.ext, manifest.mime, manifest.bytes) == ("png", "image/png", len(jobs.png))
    assert (manifest.prompt, manifest.boot) == ("a castle\nwith towers", outbox.boot)
    on_disk = msgspec.json.decode((root / "jobs" / "job-1" / "manifest.json").read_bytes())
    assert {"job", "worker", "kind", "ext", "prompt", "sha256", "created", "attempts"} <= set(
        on_disk
    )


def test_only_result_and_manifest_are_left_of_a_job(outbox: Outbox, jobs: Jobs) -> None:
    draft = outbox.begin(jobs.image_claim(), "w", 1)
    (draft.scratch / "deep").mkdir()
    (draft.scratch / "deep" / "noise").write_bytes(b"x")
    (draft.directory / "preview.png").write_bytes(jobs.png)
    (draft.directory / "picture.PNG").write_bytes(jobs.png)
    entry = outbox.finish(draft, draft.directory / "picture.PNG")
    assert sorted(p.name for p in entry.directory.iterdir()) == [
        ".studio-worker-draft",
        "manifest.json",
        "result.png",
    ]


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX permissions")
def test_results_are_private(outbox: Outbox, jobs: Jobs) -> None:
    draft = outbox.begin(jobs.image_claim(), "w", 1)
    result = draft.directory / "result.png"
    result.write_bytes(jobs.png)
    result.chmod(0o644)
    outbox.finish(draft, result)
    jobs.finished_chat(outbox)
    for path in [outbox.root, *outbox.root.rglob("*")]:
        wanted = 0o700 if path.is_dir() else 0o600
        assert stat.S_IMODE(path.stat().st_mode) == wanted, path


def test_a_json_answer_is_a_file_too(outbox: Outbox, jobs: Jobs) -> None:
    entry = jobs.finished_chat(outbox)
    assert entry.is_json
    assert msgspec.json.decode(entry.path.read_bytes()) == {"answer": "hi", "pi": 3.25}
    assert entry.manifest.prompt == "user: hello"


def test_a_result_that_vanished_fails_the_job(outbox: Outbox, jobs: Jobs) -> None:
    draft = outbox.begin(jobs.image_claim(), "w", 1)
    with pytest.raises(OutboxError, match="vanished"):
        outbox.finish(draft, draft.directory / "missing.png")
    outbox.discard(draft)
    assert outbox.pending() == []
    assert not draft.directory.exists()


def test_a_declared_extension_keeps_its_own_mime(outbox: Outbox, jobs: Jobs) -> None:
    draft = outbox.begin(jobs.image_claim(), "w", 1)
    (draft.directory / "result.glb").write_bytes(b"glTF")
    entry = outbox.finish(draft, draft.directory / "result.glb", mime="model/gltf-binary")
    assert entry.manifest.mime == "model/gltf-binary"


@pytest.mark.parametrize(
    "job_id",
    [
        "job-1",
        "a/../../b",
        "..",
        ".",
        ".hidden",
        "UPPER",
        "con",
        "nul.txt",
        "x" * 200,
        "with space",
        "ends.",
        "\x00\n",
        "ümlaut",
        "\ud800",
        "_3646f792d48811a310b807f46780c3fbd9057f5a",
    ],
)
def test_every_job_id_gets_a_plain_directory_of_its_own(job_id: str) -> None:
    name = directory_name(job_id)
    assert Path(name).name == name
    assert name.isascii()
    assert len(name) <= 100
    assert name == name.lower()
    assert name[0] not in ".~"
    assert name == job_id or name.startswith("_")


def test_job_ids_that_fold_to_the_same_name_do_not_meet(outbox: Outbox, jobs: Jobs) -> None:
    entries = [jobs.finished_image(outbox, job) for job in ("a", "A", "a/a", "a a")]
    assert {entry.job_id for entry in outbox.pending()} == {"a", "A", "a/a", "a a"}
    assert len({entry.key for entry in entries}) == 4


def test_pending_is_oldest_first(root: Path, jobs: Jobs) -> None:
    times = iter([datetime(2026, 1, day, tzinfo=UTC) for day in (3, 1, 2)])
    outbox = Outbox(root, OutboxLimits, now=lambda: next(times))
    for job in ("third", "first", "second"):
        jobs.finished_image(outbox, job)
    assert [entry.job_id for entry in outbox.pending()] == ["first", "second", "third"]


def test_an_acknowledged_result_is_gone(outbox: Outbox, jobs: Jobs) -> None:
    entry = jobs.finished_image(outbox)
    outbox.acknowledge(entry)
    outbox.acknowledge(entry)
    assert outbox.pending() == []
    assert list((outbox.root / "jobs").iterdir()) == []


def test_a_delivered_result_whose_manifest_was_damaged_meanwhile_is_kept_apart(
    outbox: Outbox, jobs: Jobs
) -> None:
    entry = jobs.finished_image(outbox)
    (entry.directory / MANIFEST_NAME).write_text("{")
    outbox.acknowledge(entry)
    assert list((outbox.root / "jobs").iterdir()) == []
    (aside,) = (outbox.root / "corrupt").iterdir()
    assert (aside / entry.path.name).exists()


def test_an_ack_for_an_older_result_leaves_the_newer_one(outbox: Outbox, jobs: Jobs) -> None:
    old = jobs.finished_image(outbox)
    outbox.forget(old)
    new = jobs.finished_image(outbox)
    outbox.acknowledge(old)
    assert outbox.refuse(old, "late", 409) is None
    assert outbox.pending() == [new]


def test_a_refused_result_is_kept_with_the_reason(outbox: Outbox, jobs: Jobs) -> None:
    entry = jobs.finished_image(outbox)
    kept: Any = outbox.refuse(entry, "not ours", 409)
    assert kept is not None
    assert outbox.pending() == []
    assert outbox.refused() == [kept]
    assert kept.path.read_bytes() == jobs.png
    refusal = kept.manifest.refused
    assert refusal is not None
    assert (refusal.reason, refusal.status) == ("not ours", 409)


def test_refused_results_of_one_job_do_not_replace_each_other(outbox: Outbox, jobs: Jobs) -> None:
    for _ in range(3):
        outbox.refuse(jobs.finished_image(outbox), "not ours", 409)
    assert [entry.key for entry in outbox.refused()] == ["job-1", "job-1~2", "job-1~3"]


def test_a_retried_result_waits_again(outbox: Outbox, jobs: Jobs) -> None:
    entry: Any = outbox.note_failure(jobs.finished_image(outbox), "503")
    kept: Any = outbox.refuse(entry, "not ours", 409)
    again = outbox.retry(kept)
    assert outbox.pending() == [again]
    assert outbox.refused() == []
    assert (again.manifest.attempts, again.manifest.refused) == (0, None)


def test_a_retry_does_not_replace_what_waits(outbox: Outbox, jobs: Jobs) -> None:
    kept: Any = outbox.refuse(jobs.finished_image(outbox), "not ours", 409)
    waiting = jobs.finished_image(outbox)
    with pytest.raises(OutboxError, match="already"):
        outbox.retry(kept)
    assert outbox.pending() == [waiting]
    assert outbox.refused() == [kept]


def test_a_retry_does_not_disturb_a_running_job(outbox: Outbox, jobs: Jobs) -> None:
    kept: Any = outbox.refuse(jobs.finished_image(outbox), "not ours", 409)
    outbox.begin(jobs.image_claim(), "w", 2)
    with pytest.raises(OutboxError, match="worked on"):
        outbox.retry(kept)


def test_a_result_that_another_process_removed_is_no_error(
    outbox: Outbox, jobs: Jobs, root: Path
) -> None:
    entry = jobs.finished_image(outbox)
    Outbox(root, OutboxLimits).forget(entry)
    assert not outbox.holds(entry)
    outbox.acknowledge(entry)
    assert outbox.refuse(entry, "x") is None
    assert outbox.note_failure(entry, "x") is None
    assert outbox.adopt(entry, 2) is None
    assert outbox.pending() == []
    with pytest.raises(OutboxError, match="gone"):
        outbox.retry(entry)


def test_another_process_sees_what_this_one_does(outbox: Outbox, jobs: Jobs, root: Path) -> None:
    beside = Outbox(root, OutboxLimits)
    entry = jobs.finished_image(outbox)
    assert [e.job_id for e in beside.pending()] == ["job-1"]
    outbox.note_failure(entry, "studio is down")
    assert beside.pending()[0].manifest.last_error == "studio is down"
    refused: Any = beside.refuse(beside.pending()[0], "x")
    beside.retry(refused)
    assert [e.job_id for e in outbox.pending()] == ["job-1"]


def test_failures_are_counted_across_starts(outbox: Outbox, jobs: Jobs, reopened: Reopen) -> None:
    entry: Entry | None = jobs.finished_image(outbox)
    for _ in range(3):
        assert entry is not None
        entry = outbox.note_failure(entry, "503")
    again, _ = reopened()
    assert again.pending()[0].manifest.attempts == 3


def test_a_job_accepted_anew_finds_its_result(outbox: Outbox, jobs: Jobs) -> None:
    entry = jobs.finished_image(outbox)
    assert outbox.find("job-1") == entry
    assert outbox.find("job-2") is None
    adopted = outbox.adopt(entry, 7)
    assert adopted is not None
    found: Any = outbox.find("job-1")
    assert found.manifest.session == 7


def test_another_task_under_the_same_id_sets_the_old_result_apart(
    outbox: Outbox, jobs: Jobs
) -> None:
    jobs.finished_image(outbox)
    outbox.begin(jobs.image_claim(prompt="something else"), "worker-1", 2)
    assert outbox.pending() == []
    assert [entry.job_id for entry in outbox.refused()] == ["job-1"]


def test_discarding_never_removes_a_finished_result(outbox: Outbox, jobs: Jobs) -> None:
    draft = outbox.begin(jobs.image_claim(), "w", 1)
    (draft.directory / "result.png").write_bytes(jobs.png)
    entry = outbox.finish(draft, draft.directory / "result.png")
    outbox.discard(draft)
    assert outbox.pending() == [entry]


def test_a_manifest_that_turns_bad_meanwhile_is_left_out_and_told_once(
    outbox: Outbox, jobs: Jobs, caplog: pytest.LogCaptureFixture
) -> None:
    entry = jobs.finished_image(outbox)
    (entry.directory / "manifest.json").write_text("{")
    with caplog.at_level(logging.WARNING):
        assert outbox.pending() == []
        assert outbox.pending() == []
    assert len(caplog.records) == 1
    assert entry.path.exists()
