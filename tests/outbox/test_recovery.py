from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from studio_worker_core.config import OutboxLimits
from studio_worker_core.outbox import Outbox
from studio_worker_core.wire.generation import GenerationMeta
from tests.outbox.conftest import Jobs, Reopen
from tests.support.faulty_disk import FaultyDisk


def test_a_half_written_draft_is_dropped(outbox: Outbox, jobs: Jobs, reopened: Reopen) -> None:
    draft = outbox.begin(jobs.image_claim(), "w", 1)
    (draft.directory / "result.png").write_bytes(b"half of")
    again, said = reopened()
    assert again.pending() == []
    assert "unfinished work" in said[0]
    assert list((again.root / "jobs").iterdir()) == []


def test_finished_results_are_there_after_a_restart(
    outbox: Outbox, jobs: Jobs, reopened: Reopen
) -> None:
    entries = [jobs.finished_image(outbox, "a"), jobs.finished_chat(outbox, "b")]
    again, said = reopened()
    assert said == []
    assert again.pending() == entries
    assert again.boot != outbox.boot


def test_how_a_result_was_made_is_there_after_a_restart(
    outbox: Outbox, jobs: Jobs, reopened: Reopen
) -> None:
    made = GenerationMeta(engine="synthetic", seed=2**64 - 1, seconds=0.25)
    draft = outbox.begin(jobs.image_claim(), "worker-1", 1)
    path = draft.directory / "result.png"
    path.write_bytes(jobs.png)
    outbox.finish(draft, path, meta=made)
    (entry,) = reopened()[0].pending()
    assert entry.manifest.meta == made


def test_a_manifest_from_before_it_said_how_is_read(
    outbox: Outbox, jobs: Jobs, reopened: Reopen
) -> None:
    manifest = jobs.finished_image(outbox).directory / "manifest.json"
    document = json.loads(manifest.read_bytes())
    del document["meta"]
    manifest.write_text(json.dumps(document))
    again, said = reopened()
    assert said == []
    assert [entry.manifest.meta for entry in again.pending()] == [None]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "null",
        "[" * 50_000,
        '{"job":"x"}',
        "\x00\xff",
    ],
)
def test_a_corrupt_manifest_is_set_aside_and_said_where(
    outbox: Outbox, jobs: Jobs, reopened: Reopen, text: str
) -> None:
    entry = jobs.finished_image(outbox)
    other = jobs.finished_image(outbox, "other")
    (entry.directory / "manifest.json").write_text(text, encoding="latin-1")
    again, said = reopened()
    assert again.pending() == [other]
    (kept,) = again.corrupt()
    assert len(said) == 1
    assert str(kept) in said[0]
    assert (kept / "result.png").read_bytes() == jobs.png
    assert (kept / "manifest.json").read_text(encoding="latin-1") == text
    assert kept.name.startswith("job-1-")


def test_an_entry_that_cannot_be_touched_keeps_no_other_from_delivery(
    root: Path, outbox: Outbox, jobs: Jobs, disk: FaultyDisk
) -> None:
    entry = jobs.finished_image(outbox)
    other = jobs.finished_image(outbox, "other")
    (entry.directory / "manifest.json").write_text("{")
    disk.arm("full", step=0)
    again = Outbox(root, OutboxLimits, disk=disk)
    (said,) = again.recover()
    assert not disk.is_armed
    assert f"left {entry.directory} as it is: No space left" in said
    assert again.pending() == [other]
    assert (entry.directory / "result.png").read_bytes() == jobs.png


def test_a_manifest_of_a_newer_version_is_set_aside(
    outbox: Outbox, jobs: Jobs, reopened: Reopen
) -> None:
    entry = jobs.finished_image(outbox)
    path = entry.directory / "manifest.json"
    path.write_text(path.read_text().replace('"version": 1', '"version": 2'))
    again, said = reopened()
    assert "newer studio-worker" in said[0]
    assert again.pending() == []


@pytest.mark.parametrize("harm", ["shorter", "longer", "missing", "directory"])
def test_a_result_that_does_not_fit_its_manifest_is_set_aside(
    outbox: Outbox, jobs: Jobs, reopened: Reopen, harm: str
) -> None:
    entry = jobs.finished_image(outbox)
    match harm:
        case "shorter":
            entry.path.write_bytes(jobs.png[:-1])
        case "longer":
            entry.path.write_bytes(jobs.png + b"x")
        case "missing":
            entry.path.unlink()
        case "directory":
            entry.path.unlink()
            entry.path.mkdir()
    again, said = reopened()
    assert again.pending() == []
    assert len(again.corrupt()) == 1
    assert len(said) == 1


def test_stray_files_go_and_strange_ones_stay(outbox: Outbox, jobs: Jobs, reopened: Reopen) -> None:
    entry = jobs.finished_image(outbox)
    (entry.directory / ".manifest.json.0a1b2c3d.tmp").write_bytes(b"{")
    (outbox.root / "jobs" / "note.txt").write_text("what is this")
    again, said = reopened()
    assert again.pending() == [entry]
    assert sorted(path.name for path in entry.directory.iterdir()) == [
        ".studio-worker-draft",
        "manifest.json",
        "result.png",
    ]
    assert len(said) == 1
    assert "not a directory" in said[0]
    assert (outbox.root / "jobs" / "note.txt").read_text() == "what is this"


@pytest.mark.parametrize("room", ["jobs", "refused"])
def test_nothing_that_this_worker_did_not_make_is_deleted(
    outbox: Outbox, jobs: Jobs, reopened: Reopen, room: str
) -> None:
    entry = jobs.finished_image(outbox)
    place = outbox.root / room
    (place / "holiday" / "scratch").mkdir(parents=True)
    (place / "holiday" / "beach.png").write_bytes(b"mine")
    (place / "link").symlink_to(place / "holiday")
    os.mkfifo(place / "pipe")
    os.mkfifo(place / "holiday" / "pipe")
    odd = place / os.fsdecode(b"\xff\xfe")
    odd.mkdir()
    (odd / "x").write_bytes(b"mine")
    again, said = reopened()
    assert again.pending() == [entry]
    assert len(said) == 4
    assert all(line.isprintable() for line in said)
    again.prune()
    assert (place / "holiday" / "beach.png").read_bytes() == b"mine"
    assert (odd / "x").read_bytes() == b"mine"
    assert (place / "link").is_symlink()
    assert (place / "pipe").is_fifo()


def test_a_job_with_the_name_of_a_foreign_directory_moves_it_aside(
    outbox: Outbox, jobs: Jobs
) -> None:
    foreign = outbox.root / "jobs" / "job-1"
    foreign.mkdir()
    (foreign / "beach.png").write_bytes(b"mine")
    jobs.finished_image(outbox)
    (kept,) = outbox.corrupt()
    assert (kept / "beach.png").read_bytes() == b"mine"


def test_corrupt_results_of_one_name_do_not_replace_each_other(
    outbox: Outbox, jobs: Jobs, reopened: Reopen
) -> None:
    for _ in range(3):
        entry = jobs.finished_image(outbox)
        (entry.directory / "manifest.json").write_text("{")
        reopened()
    assert len(outbox.corrupt()) == 3
