"""A studio removes only what is its own."""

from __future__ import annotations

import json
import logging
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from plugins.studio.tests.support.studio_in_thread import MakeStudio, StudioInThread
from studio_worker_core.cli.main import main

JOB = "job-0123456789abcdef0123"


def tree(directory: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in directory.rglob("*")
        if path.is_file()
    }


def check(data: Path, capsys: pytest.CaptureFixture[str], *options: str) -> tuple[int, Any]:
    code = main(["studio", "check", "--data", str(data), "--json", *options])
    return code, json.loads(capsys.readouterr().out)


def finish_one(studio: StudioInThread, data: bytes = b"picture") -> str:
    worker = studio.new_worker()
    with worker.session():
        job_id = str(studio.submit())
        worker.take_offer()
        assert worker.complete(job_id, data).status_code == 204
    return job_id


def test_a_folder_results_that_was_there_before_stays_as_it_is(
    make_studio: MakeStudio, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    results = tmp_path / "studio" / "results"
    (results / "album").mkdir(parents=True)
    (results / ".incoming").mkdir()
    (results / "holiday.jpg").write_bytes(b"sea")
    (results / "album" / "one.png").write_bytes(b"one")
    (results / f"{JOB}.png").write_bytes(b"a result of another time")
    (results / ".incoming" / "notes.txt").write_bytes(b"notes")
    (results / ".incoming" / ("a" * 24 + ".upload")).symlink_to(results / "holiday.jpg")
    before = tree(results)
    with caplog.at_level(logging.WARNING, "studio_worker.studio"):
        studio = make_studio()
    studio.restart()
    assert tree(results) == before
    assert (results / ".incoming" / ("a" * 24 + ".upload")).is_symlink()
    for name in ("holiday.jpg", "album", f"{JOB}.png", "notes.txt"):
        assert name in caplog.text
    assert "studio check" in caplog.text


def test_an_unfinished_upload_of_its_own_is_cleared_at_the_next_start(
    studio: StudioInThread,
) -> None:
    studio.stop()
    half = studio.settings.results / ".incoming" / ("0f" * 12 + ".upload")
    half.write_bytes(b"half")
    studio.start()
    assert not half.exists()


@pytest.mark.parametrize("loss", ["older database restored", "database missing"])
def test_results_outlive_the_database_that_knew_them(
    studio: StudioInThread, capsys: pytest.CaptureFixture[str], loss: str
) -> None:
    data = studio.settings.data
    studio.stop()
    before = (data / "studio.db").read_bytes()
    studio.start()
    job_id = finish_one(studio)
    studio.stop()
    for path in data.glob("studio.db*"):
        path.unlink()
    if loss == "older database restored":
        (data / "studio.db").write_bytes(before)
    studio.start()
    assert (studio.settings.results / f"{job_id}.png").read_bytes() == b"picture"
    studio.stop()
    assert check(data, capsys)[0] == 1
    code, report = check(data, capsys, "--adopt")
    assert (code, report["adopted"]) == (0, [job_id])
    studio.start()
    assert studio.raw("GET", f"/jobs/{job_id}/result").content == b"picture"
    assert studio.job(job_id)["state"] == "done"
    studio.stop()
    assert check(data, capsys) == (
        0,
        {"missing": [], "changed": [], "adopted": [], "movedAside": [], "unknown": []},
    )


def test_a_file_in_the_way_of_a_result_is_moved_aside_not_written_over(
    studio: StudioInThread,
) -> None:
    worker = studio.new_worker()
    with worker.session():
        job_id = studio.submit()
        worker.take_offer()
        in_the_way = studio.settings.results / f"{job_id}.png"
        in_the_way.write_bytes(b"the genuine one of a restored database")
        assert worker.complete(job_id, b"again").status_code == 204
    assert in_the_way.read_bytes() == b"again"
    (kept,) = studio.settings.aside.iterdir()
    assert kept.read_bytes() == b"the genuine one of a restored database"


def test_what_a_crash_left_between_file_and_database_is_taken_when_it_comes_again(
    studio: StudioInThread,
) -> None:
    worker = studio.new_worker()
    with worker.session():
        job_id = studio.submit()
        worker.take_offer()
        (studio.settings.results / f"{job_id}.png").write_bytes(b"picture")
        assert worker.complete(job_id, b"picture").status_code == 204
    assert not studio.settings.aside.exists()
    assert studio.raw("GET", f"/jobs/{job_id}/result").content == b"picture"


def test_check_moves_aside_what_it_cannot_adopt_and_writes_over_nothing(
    studio: StudioInThread, capsys: pytest.CaptureFixture[str]
) -> None:
    job_id = finish_one(studio)
    studio.stop()
    results, aside = studio.settings.results, studio.settings.aside
    strange = "line\nfeed\x1b[31m.txt"
    (results / strange).write_bytes(b"1")
    (results / f"{job_id}.webp").write_bytes(b"of a job with another result")
    aside.mkdir()
    (aside / strange).write_bytes(b"0")
    code, report = check(studio.settings.data, capsys)
    assert code == 1
    assert len(report["unknown"]) == 2
    assert not any("\n" in name or "\x1b" in name for name in report["unknown"])
    code, report = check(studio.settings.data, capsys, "--adopt", "--move-aside")
    assert (code, report["adopted"], len(report["movedAside"])) == (0, [], 2)
    assert sorted(path.read_bytes() for path in aside.iterdir()) == [
        *(b"0", b"1", b"of a job with another result")
    ]
    assert [path.name for path in results.iterdir() if path.is_file()] == [f"{job_id}.png"]


def test_check_names_missing_and_changed_results(
    studio: StudioInThread, capsys: pytest.CaptureFixture[str]
) -> None:
    gone, changed = finish_one(studio), finish_one(studio, b"other")
    studio.stop()
    (studio.settings.results / f"{gone}.png").unlink()
    (studio.settings.results / f"{changed}.png").write_bytes(b"cut")
    code, report = check(studio.settings.data, capsys)
    assert (code, report["missing"], report["changed"]) == (1, [gone], [changed])
    assert main(["studio", "check", "--data", str(studio.settings.data)]) == 1
    said = capsys.readouterr().out
    assert gone in said
    assert changed in said


def test_check_does_not_touch_a_running_studio_or_a_directory_without_one(
    studio: StudioInThread, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["studio", "check", "--data", str(studio.settings.data)]) == 1
    assert "another studio" in capsys.readouterr().err
    assert main(["studio", "check", "--data", str(tmp_path)]) == 1
    assert "holds no studio" in capsys.readouterr().err
    assert not (tmp_path / "studio.db").exists()


def test_a_database_of_the_first_version_is_brought_forward_whole(studio: StudioInThread) -> None:
    from studio_worker_studio.store.sqlite import schema

    job_id = finish_one(studio)
    studio.stop()
    path = studio.settings.database
    old = path.with_name("old.db")
    with sqlite3.connect(path) as new, sqlite3.connect(old) as first:
        first.executescript(f"{schema.STEPS[0]} PRAGMA user_version = 1;")
        for table in ("jobs", "workers", "registrations", "models", "marks"):
            found = [row[1] for row in first.execute(f"PRAGMA table_info({table})")]
            columns = [name for name in found if name != "lease_until"]  # of which there are none
            rows = new.execute(f"SELECT {', '.join(columns)} FROM {table}").fetchall()
            marks = ", ".join("?" * len(columns))
            first.executemany(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})", rows)
        first.execute("INSERT INTO logs VALUES (7, 'w', NULL, 't', 'info', 'c', 'still here')")
    new.close()
    first.close()
    for part in path.parent.glob("studio.db*"):
        part.unlink()
    old.rename(path)
    studio.start()
    assert studio.raw("GET", f"/jobs/{job_id}/result").content == b"picture"
    assert [entry["message"] for entry in studio.call("GET", "/logs")["items"]] == ["still here"]
