from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from studio_worker_core.config import OutboxLimits
from studio_worker_core.outbox import Outbox
from studio_worker_core.wire.generation import GenerationMeta
from tests.outbox.conftest import Jobs, Reopen
from tests.support.faulty_disk import Crash, Fault, FaultyDisk

CRASHES: list[Fault] = ["crash before", "crash half", "crash after"]


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


def _places(outbox: Outbox, job_id: str = "job-1") -> list[str]:
    return ["pending" for e in outbox.pending() if e.job_id == job_id] + [
        "refused" for e in outbox.refused() if e.job_id == job_id
    ]


def _no_leftovers(outbox: Outbox) -> None:
    assert outbox.corrupt() == []
    assert [path for path in outbox.root.rglob("*") if path.suffix == ".tmp"] == []
    for room in ("jobs", "refused"):
        for directory in (outbox.root / room).iterdir():
            assert (directory / "manifest.json").exists()


def _every_crash(
    act: Callable[[Outbox], object], prepare: Callable[[Outbox], object], root: Path
) -> Iterator[Path]:
    """Runs ``act`` once for every step it has and every way to crash there."""
    for fault in CRASHES:
        for step in itertools.count():
            place = root / f"{fault}-{step}"
            disk = FaultyDisk()
            outbox = Outbox(place, OutboxLimits, disk=disk)
            outbox.recover()
            prepare(outbox)
            disk.arm(fault, step=step)
            try:
                act(outbox)
            except Crash:
                yield place
                continue
            assert disk.is_armed, "the outbox swallowed a crash"
            break
        assert step >= 2


@pytest.fixture
def crashes(tmp_path: Path) -> Callable[..., Iterator[Path]]:
    return lambda act, prepare: _every_crash(act, prepare, tmp_path)


def test_a_crash_at_any_step_of_finishing_leaves_all_or_nothing(crashes: Any, jobs: Jobs) -> None:
    outcomes = set()
    for place in crashes(jobs.finished_image, lambda outbox: None):
        again = Outbox(place, OutboxLimits)
        again.recover()
        places = _places(again)
        assert places in ([], ["pending"])
        outcomes.add(tuple(places))
        for entry in again.pending():
            assert entry.path.read_bytes() == jobs.png
        _no_leftovers(again)
        if places == []:
            jobs.finished_image(again)
            assert _places(again) == ["pending"]
    assert outcomes == {(), ("pending",)}


def test_a_crash_at_any_step_of_finishing_json_leaves_all_or_nothing(
    crashes: Any, jobs: Jobs
) -> None:
    for place in crashes(jobs.finished_chat, lambda outbox: None):
        again = Outbox(place, OutboxLimits)
        again.recover()
        assert _places(again, "chat-1") in ([], ["pending"])
        _no_leftovers(again)


@pytest.mark.parametrize("what", ["refuse", "note_failure", "adopt", "retry", "supersede"])
def test_a_crash_at_any_step_of_a_change_loses_nothing(crashes: Any, jobs: Jobs, what: str) -> None:
    def prepare(outbox: Outbox) -> None:
        entry = jobs.finished_image(outbox)
        if what == "retry":
            outbox.refuse(entry, "no", 409)

    def act(outbox: Outbox) -> None:
        match what:
            case "refuse":
                outbox.refuse(outbox.pending()[0], "no", 409)
            case "note_failure":
                outbox.note_failure(outbox.pending()[0], "503")
            case "adopt":
                outbox.adopt(outbox.pending()[0], 5)
            case "retry":
                outbox.retry(outbox.refused()[0])
            case "supersede":
                outbox.begin(jobs.image_claim(prompt="another"), "w", 3)

    for place in crashes(act, prepare):
        again = Outbox(place, OutboxLimits)
        again.recover()
        assert len(_places(again)) == 1
        (entry,) = [*again.pending(), *again.refused()]
        assert entry.path.read_bytes() == jobs.png
        _no_leftovers(again)


def test_a_crash_at_any_step_of_removing_leaves_all_or_nothing(crashes: Any, jobs: Jobs) -> None:
    for place in crashes(
        lambda outbox: outbox.acknowledge(outbox.pending()[0]), jobs.finished_image
    ):
        again = Outbox(place, OutboxLimits)
        again.recover()
        assert _places(again) in ([], ["pending"])
        _no_leftovers(again)


def test_a_crash_at_any_step_of_recovery_is_recovered_from(crashes: Any, jobs: Jobs) -> None:
    def prepare(outbox: Outbox) -> None:
        jobs.finished_image(outbox)
        jobs.finished_image(outbox, "broken")
        (outbox.root / "jobs" / "broken" / "manifest.json").write_text("{")
        outbox.begin(jobs.image_claim("draft"), "w", 1)
        (outbox.root / "jobs" / "job-1" / ".x.0a1b2c3d.tmp").write_text("")

    for place in crashes(lambda outbox: outbox.recover(), prepare):
        again = Outbox(place, OutboxLimits)
        again.recover()
        assert _places(again) == ["pending"]
        assert len(again.corrupt()) == 1
        assert not (place / "jobs" / "draft").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_a_finished_result_survives_kill_9(root: Path, reopened: Reopen, jobs: Jobs) -> None:
    script = textwrap.dedent(
        """
        import os, signal, sys
        from pathlib import Path
        from msgspec import Struct
        from studio_worker_core.config import OutboxLimits
        from studio_worker_core.outbox import Outbox
        from studio_worker_core.wire.frames import Claim
        from studio_worker_core.wire.models import ModelSource
        from studio_worker_core.wire.tasks import ImageTask

        outbox = Outbox(Path(sys.argv[1]), OutboxLimits)
        outbox.recover()
        for number in range(2):
            claim = Claim(job_id=f"job-{number}", model="m", task=ImageTask(prompt="p"),
                          model_source=ModelSource(engine="e"))
            draft = outbox.begin(claim, "w", 1)
            result = draft.directory / "result.png"
            result.write_bytes(b"\\x89PNG\\r\\n\\x1a\\n" + b"x" * 1000)
            if number == 0:
                outbox.finish(draft, result)
        os.kill(os.getpid(), signal.SIGKILL)
        """
    )
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", script, str(root)], env=environ, timeout=60, check=False
    )
    assert done.returncode == -signal.SIGKILL
    again, said = reopened()
    assert [entry.job_id for entry in again.pending()] == ["job-0"]
    assert len(said) == 1
