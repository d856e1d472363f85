from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct

from studio_worker_core.config import OutboxLimits
from studio_worker_core.outbox import Entry, Outbox
from studio_worker_core.wire.frames import Claim
from studio_worker_core.wire.models import ModelSource
from studio_worker_core.wire.tasks import ImageTask


class _Result(Struct):
    path: Path
    ext: str


@pytest.fixture
def outbox(config_file: Path) -> Outbox:
    """The outbox beside the config file that the command uses."""
    return Outbox(config_file.parent / "outbox", OutboxLimits)


def finished(outbox: Outbox, job_id: str) -> Entry:
    claim = Claim(
        job_id=job_id,
        model="m",
        task=ImageTask(prompt="a castle"),
        model_source=ModelSource(engine="e"),
    )
    draft = outbox.begin(claim, "w", 1)
    path = draft.directory / "result.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + job_id.encode())
    return outbox.finish(draft, _Result(path, "png"))


def test_an_outbox_that_is_not_there_is_empty(cli: Any, config_file: Path) -> None:
    done = cli("outbox", "list")
    assert (done.returncode, done.stderr) == (0, "")
    assert "nothing in" in done.stdout
    assert json.loads(cli("outbox", "list", "--json").stdout) == []
    assert not (config_file.parent / "outbox").exists()


def test_list_shows_what_waits_and_what_was_refused(cli: Any, outbox: Outbox) -> None:
    finished(outbox, "waits")
    outbox.refuse(finished(outbox, "Turned/down"), "not ours any more", 409)
    listed = json.loads(cli("outbox", "list", "--json").stdout)
    assert [(each["job"], each["state"]) for each in listed] == [
        ("waits", "waiting"),
        ("Turned/down", "refused"),
    ]
    assert listed[1]["refused_status"] == 409
    table = cli("outbox", "list").stdout
    assert "not ours any more" in table
    assert "Turned/down" in table


def test_show_tells_all_about_one(cli: Any, outbox: Outbox) -> None:
    entry = finished(outbox, "job-7")
    text = cli("outbox", "show", "job-7").stdout
    assert entry.manifest.sha256 in text
    assert "a castle" in text
    assert str(entry.path) in text
    missing = cli("outbox", "show", "nope")
    assert missing.returncode == 1
    assert "no such result: nope" in missing.stderr
    assert "Traceback" not in missing.stderr


def test_retry_puts_refused_results_back(cli: Any, outbox: Outbox) -> None:
    outbox.refuse(finished(outbox, "a"), "no", 409)
    outbox.refuse(finished(outbox, "b"), "no", 409)
    assert cli("outbox", "retry").returncode == 2
    assert cli("outbox", "retry", "a").returncode == 0
    assert [entry.job_id for entry in outbox.pending()] == ["a"]
    assert cli("outbox", "retry", "--all").returncode == 0
    assert [entry.job_id for entry in outbox.pending()] == ["a", "b"]


def test_export_copies_and_never_overwrites(cli: Any, outbox: Outbox, tmp_path: Path) -> None:
    entry = finished(outbox, "a")
    outbox.refuse(finished(outbox, "b"), "no", 409)
    target = tmp_path / "copies"
    assert cli("outbox", "export", str(target)).returncode == 0
    assert cli("outbox", "export", str(target), "a").returncode == 0
    assert sorted(path.name for path in target.iterdir()) == [
        "a.png",
        "a.png.manifest.json",
        "a~2.png",
        "a~2.png.manifest.json",
        "b.png",
        "b.png.manifest.json",
    ]
    assert (target / "a.png").read_bytes() == entry.path.read_bytes()
    assert json.loads((target / "b.png.manifest.json").read_text())["refused"]["status"] == 409
    assert outbox.pending() == [entry]


def test_purge_removes_only_what_was_named(cli: Any, outbox: Outbox) -> None:
    for job in ("a", "b"):
        finished(outbox, job)
    outbox.refuse(finished(outbox, "c"), "no", 409)
    finished(outbox, "d")
    (outbox.root / "jobs" / "d" / "manifest.json").write_text("{")
    outbox.recover()
    assert cli("outbox", "purge", "--yes").returncode == 2
    assert cli("outbox", "purge", "--refused").returncode != 0  # nobody there to ask
    assert len(outbox.refused()) == 1
    assert cli("outbox", "purge", "--refused", "--yes", "a").stdout == "removed 2\n"
    assert [entry.job_id for entry in outbox.pending()] == ["b"]
    assert outbox.refused() == []
    assert cli("outbox", "purge", "--corrupt", "--pending", "--yes").stdout == "removed 2\n"
    assert outbox.pending() == []
    assert outbox.corrupt() == []
