"""A crash at any step of any change leaves the outbox as it was before, or as it is after."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from studio_worker_core.config import OutboxLimits
from studio_worker_core.outbox import Outbox
from tests.outbox.conftest import Jobs, Reopen
from tests.support.faulty_disk import Crash, Fault, FaultyDisk

Crashes = Callable[[Callable[[Outbox], object], Callable[[Outbox], object]], Iterator[Path]]
CRASHES: list[Fault] = ["crash before", "crash half", "crash after"]


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
def crashes(tmp_path: Path) -> Crashes:
    return lambda act, prepare: _every_crash(act, prepare, tmp_path)


def test_a_crash_at_any_step_of_finishing_leaves_all_or_nothing(
    crashes: Crashes, jobs: Jobs
) -> None:
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
    crashes: Crashes, jobs: Jobs
) -> None:
    for place in crashes(jobs.finished_chat, lambda outbox: None):
        again = Outbox(place, OutboxLimits)
        again.recover()
        assert _places(again, "chat-1") in ([], ["pending"])
        _no_leftovers(again)


@pytest.mark.parametrize("what", ["refuse", "note_failure", "adopt", "retry", "supersede"])
def test_a_crash_at_any_step_of_a_change_loses_nothing(
    crashes: Crashes, jobs: Jobs, what: str
) -> None:
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


def test_a_crash_at_any_step_of_removing_leaves_all_or_nothing(
    crashes: Crashes, jobs: Jobs
) -> None:
    for place in crashes(
        lambda outbox: outbox.acknowledge(outbox.pending()[0]), jobs.finished_image
    ):
        again = Outbox(place, OutboxLimits)
        again.recover()
        assert _places(again) in ([], ["pending"])
        _no_leftovers(again)


def test_a_crash_at_any_step_of_recovery_is_recovered_from(crashes: Crashes, jobs: Jobs) -> None:
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
