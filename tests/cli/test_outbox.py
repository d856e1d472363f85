from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from studio_worker_core.config import OutboxLimits
from studio_worker_core.outbox import Entry, Outbox
from studio_worker_core.wire.frames import Claim
from studio_worker_core.wire.models import ModelSource
from studio_worker_core.wire.tasks import ImageTask
from tests.cli.conftest import COMMAND, Run


@pytest.fixture
def outbox(config_file: Path) -> Outbox:
    """The outbox beside the config file that the command uses."""
    config_file.parent.mkdir(parents=True, exist_ok=True)
    config_file.write_text('worker_id = "w"\nauth_token = "t"\n', "utf-8")
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
    return outbox.finish(draft, path)


def test_an_outbox_that_is_not_there_is_empty(cli: Run, config_file: Path) -> None:
    done = cli("outbox", "list")
    assert (done.returncode, done.stderr) == (0, "")
    assert "nothing in" in done.stdout
    assert json.loads(cli("outbox", "list", "--json").stdout) == []
    assert not (config_file.parent / "outbox").exists()


def test_list_shows_what_waits_and_what_was_refused(cli: Run, outbox: Outbox) -> None:
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


def test_show_tells_all_about_one(cli: Run, outbox: Outbox) -> None:
    entry = finished(outbox, "job-7")
    text = cli("outbox", "show", "job-7").stdout
    assert entry.manifest.sha256 in text
    assert "a castle" in text
    assert str(entry.path) in text
    missing = cli("outbox", "show", "nope")
    assert missing.returncode == 1
    assert "no such result: nope" in missing.stderr
    assert "Traceback" not in missing.stderr


def test_retry_puts_refused_results_back(cli: Run, outbox: Outbox) -> None:
    outbox.refuse(finished(outbox, "a"), "no", 409)
    outbox.refuse(finished(outbox, "b"), "no", 409)
    assert cli("outbox", "retry").returncode == 2
    assert cli("outbox", "retry", "a").returncode == 0
    assert [entry.job_id for entry in outbox.pending()] == ["a"]
    assert cli("outbox", "retry", "--all").returncode == 0
    assert [entry.job_id for entry in outbox.pending()] == ["a", "b"]


def test_export_copies_and_never_overwrites(cli: Run, outbox: Outbox, tmp_path: Path) -> None:
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


def test_purge_removes_only_what_was_named(cli: Run, outbox: Outbox) -> None:
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


def test_the_beginning_of_an_id_is_enough_and_candidates_are_named(
    cli: Run, outbox: Outbox
) -> None:
    for job in ("job-7a", "job-7b", "other"):
        finished(outbox, job)
    outbox.refuse(finished(outbox, "Upper/Case"), "no", 409)
    assert "job-7a" in cli("outbox", "show", "job-7a").stdout
    assert json.loads(cli("outbox", "show", "oth", "--json").stdout)["job"] == "other"
    several = cli("outbox", "show", "job-7")
    assert several.returncode == 1
    assert "2 results begin with 'job-7': job-7a, job-7b" in several.stderr
    assert cli("outbox", "retry", "Upper").returncode == 0
    assert cli("outbox", "purge", "--yes", "job").returncode == 1
    assert len(outbox.pending()) == 4, "nothing was removed by half an id of several"
    assert cli("outbox", "purge", "--yes", "oth").returncode == 0
    assert sorted(e.job_id for e in outbox.pending()) == ["Upper/Case", "job-7a", "job-7b"]


@pytest.mark.parametrize("width", ["40", "60", "80"])
def test_ids_stay_whole_on_a_narrow_terminal(
    on_terminal: Callable[..., tuple[int, str]], outbox: Outbox, width: str
) -> None:
    job = "0123456789abcdef-0123456789abcdef"
    outbox.refuse(finished(outbox, job), "a reason that is longer than any narrow line " * 3, 409)
    code, written = on_terminal([*COMMAND, "outbox", "list"], COLUMNS=width)
    assert code == 0
    assert job in written
    assert "refused" in written


@pytest.mark.skipif(sys.platform != "linux", reason="names are bytes there")
def test_list_shows_what_has_an_odd_name(cli: Run, outbox: Outbox) -> None:
    finished(outbox, "waits")
    for name in (b"\xff\xfe", b"line\nbreak", b"\x1b[31mred"):
        (outbox.root / "corrupt" / os.fsdecode(name)).write_bytes(b"?")
    done = cli("outbox", "list")
    assert (done.returncode, done.stderr) == (0, "")
    assert "line\\nbreak" in done.stdout
    assert "\x1b" not in done.stdout
    done = cli("outbox", "list", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(each["entry"] for each in json.loads(done.stdout)) == [
        "\\udcff\\udcfe",
        "\\x1b[31mred",
        "line\\nbreak",
        "waits",
    ]
    assert cli("outbox", "purge", "--corrupt", "--yes").stdout == "removed 3\n"


@pytest.mark.parametrize("config", ['worker_id = "other"\nauth_token = "t"\n', ""])
def test_what_another_identity_has_made_is_shown_as_that(
    cli: Run, outbox: Outbox, config_file: Path, config: str
) -> None:
    finished(outbox, "old")
    config_file.write_text(config, "utf-8")
    (listed,) = json.loads(cli("outbox", "list", "--json").stdout)
    assert listed["state"] == "for another identity"
    table = cli("outbox", "list").stdout
    assert "for another identity" in table
    assert "made as worker w" in table
    status = json.loads(cli("status", "--json").stdout)["outbox"]
    assert (status["pending"], status["other_identity"]) == (0, 1)
    assert "1 for another identity" in cli("status").stdout
