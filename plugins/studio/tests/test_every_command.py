"""Every operator command, in every state of what it is about."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import typer

from plugins.studio.tests.job_states import JOB_STATES, REFUSED, job_in
from plugins.studio.tests.support.commands import Run
from plugins.studio.tests.support.studio_in_thread import StudioInThread
from studio_worker_studio.cli import app
from tests.support.waiting import eventually


@pytest.mark.parametrize("form", [(), ("--json",)])
@pytest.mark.parametrize(
    ("command", "works_in"),
    [
        ("job", {*JOB_STATES} - {"deleted"}),
        ("result", {"file", "json"}),
        ("cancel", {"queued", "claimed", "progressing", "cancelling", "retried"}),
        ("retry", {"failed", "cancelled"}),
        ("delete", {"file", "json", "failed", "cancelled", "removed"}),
        ("delete --result", {"file", "json"}),
        ("jobs", {*JOB_STATES}),
        ("logs --job", {*JOB_STATES}),
    ],
)
def test_a_command_about_a_job_works_or_says_why_not(
    studio: StudioInThread,
    run: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    form: tuple[str, ...],
    command: str,
    works_in: set[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    worker = studio.new_worker()
    for state in JOB_STATES:
        with worker.session():
            job_id = job_in(studio, worker, state)
            done = run(*command.split(), *(() if command == "jobs" else (job_id,)), *form)
        assert done.code in ((0,) if state in works_in else REFUSED), (state, done)
        assert "\x1b" not in done.out + done.err
        if state not in works_in:
            assert job_id in done.err, state
            assert len(done.err.strip().splitlines()) == 1, state
        elif form:
            json.loads(done.out)
        if studio.raw("GET", f"/jobs/{job_id}").ok:  # nothing is left for the next worker
            for _ in range(2):
                studio.raw("POST", f"/jobs/{job_id}/cancel")


@pytest.mark.parametrize("form", [(), ("--json",)])
@pytest.mark.parametrize(
    ("command", "works_in"),
    [
        ("pending", {"none", "pending", "approved", "rejected"}),
        ("approve", {"pending", "approved"}),
        ("approve --all", {"none", "pending", "approved", "rejected"}),
        ("reject", {"pending"}),
    ],
)
def test_a_command_about_a_request_works_or_says_why_not(
    studio: StudioInThread, run: Run, form: tuple[str, ...], command: str, works_in: set[str]
) -> None:
    for state in ("none", "approved", "rejected", "pending"):
        request_id = "rr-00000000000000000000"
        if state != "none":
            request_id = studio.ask(f"install-{state}", "aa" * 32).json()["requestId"]
        if state in ("approved", "rejected"):
            verb = {"approved": "approve", "rejected": "reject"}[state]
            studio.call("POST", f"/workers/pending/{request_id}/{verb}")
        named = (request_id,) if command in ("approve", "reject") else ()
        done = run(*command.split(), *named, *form)
        assert done.code in ((0,) if state in works_in else REFUSED), (state, done)
        if command == "approve --all" and state != "pending":
            assert done.err == "nobody asks to be let in\n"
        if done.code == 0 and form:
            json.loads(done.out)


@pytest.mark.parametrize("form", [(), ("--json",)])
@pytest.mark.parametrize("command", ["workers", "remove", "logs --worker", "models"])
def test_a_command_about_a_worker_works_or_says_why_not(
    studio: StudioInThread, run: Run, form: tuple[str, ...], command: str
) -> None:
    for state in ("none", "offline", "idle", "paused", "busy", "deleted"):
        worker = studio.new_worker()
        worker_id = "worker-00000000000000000000" if state == "none" else worker.worker_id
        arguments = (*command.split(), *about(command, worker_id), *form)
        if state in ("none", "offline", "deleted"):
            if state == "deleted":
                studio.raw("DELETE", f"/workers/{worker_id}")
            done = run(*arguments)
        else:
            with worker.session(autoEnabled=state != "paused"):
                if state == "busy":
                    studio.submit()
                    worker.take_offer()
                done = run(*arguments)
        works = command != "remove" or state not in ("none", "deleted")
        assert done.code in ((0,) if works else REFUSED), (state, done)
        if works and form:
            json.loads(done.out)


def about(command: str, worker_id: str) -> tuple[str, ...]:
    return (worker_id,) if command in ("remove", "logs --worker") else ()


def test_no_command_was_forgotten() -> None:
    tried = {"job", "result", "cancel", "retry", "delete", "jobs", "logs"}
    tried |= {"pending", "approve", "reject", "workers", "remove", "models"}
    elsewhere = {"serve", "check", "submit", "migrate", "backup", "restore", "move"}
    group = typer.main.get_command(app)
    assert set(group.commands) == tried | elsewhere  # type: ignore[attr-defined]


def test_ids_are_named_by_a_beginning_that_no_other_has(studio: StudioInThread, run: Run) -> None:
    job_id = studio.submit(model="procedural")
    plain = job_id.removeprefix("job-")
    for typed in (plain[:8], f"job-{plain[:8]}", job_id):
        assert job_id in run("job", typed).out
    others = [studio.submit(model="procedural") for _ in range(17)]
    by_digit: dict[str, list[str]] = {}
    for each in (job_id, *others):
        by_digit.setdefault(each[4], []).append(each)
    digit, several = next((d, ids) for d, ids in by_digit.items() if len(ids) > 1)
    done = run("cancel", digit)
    assert done.code == 1
    assert "type more" in done.err
    assert several[0] in done.err
    assert {studio.job(each)["state"] for each in several} == {"queued"}
    assert "job-zzzz" in run("job", "job-zzzz").err
    worker = studio.new_worker()
    assert worker.worker_id in run("remove", worker.worker_id[:12]).out
    request = studio.ask("other", "bb" * 32).json()["requestId"]
    assert request in run("approve", request[3:9]).out


def test_the_newest_come_first_and_the_rest_is_a_page_away(
    studio: StudioInThread, run: Run
) -> None:
    made = [studio.submit(model="procedural") for _ in range(5)]
    assert [job["jobId"] for job in json.loads(run("jobs", "--json").out)] == made[::-1]
    first = run("jobs", "--limit", "2")
    assert re.findall(r"job-\w{20}", first.out) == [made[4], made[3]]
    assert f"--after {made[3]}" in first.err
    second = run("jobs", "--limit", "9", "--after", made[3])
    assert re.findall(r"job-\w{20}", second.out) == made[2::-1]
    assert second.err == ""
    oldest = json.loads(run("jobs", "--oldest-first", "--limit", "1", "--json").out)
    assert oldest[0]["jobId"] == made[0]


def test_the_latest_log_entries_are_shown_in_their_order(studio: StudioInThread, run: Run) -> None:
    worker = studio.new_worker()
    with worker.session():
        entry = {"ts": "t", "level": "info", "category": "c"}
        texts = [f"entry {n} \x1b[31m\nred" for n in range(5)]
        worker.send("logBatch", entries=[{**entry, "message": text} for text in texts])
        eventually("logs", lambda: len(studio.call("GET", "/logs")["items"]) == 5)
    shown = run("logs", "--limit", "2").out
    assert re.findall(r"entry (\d)", shown) == ["3", "4"]
    assert len(shown.splitlines()) == 2
    assert "\x1b" not in shown
    numbers = [entry["id"] for entry in json.loads(run("logs", "--json").out)]
    after = json.loads(run("logs", "--json", "--limit", "2", "--after", str(numbers[0])).out)
    assert [entry["id"] for entry in after] == numbers[1:3]
    assert run("logs", "--delete", "--worker", worker.worker_id).code == 0
    assert run("logs").err == "no log entries\n"


@pytest.mark.parametrize("columns", [20, 40, 80])
def test_tables_keep_whole_ids_however_narrow_the_terminal_is(
    studio: StudioInThread, run: Run, monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    from studio_worker_studio.cli import output

    monkeypatch.setattr(output, "on_terminal", lambda: True)
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("NO_COLOR", "1")
    worker = studio.new_worker()
    request = studio.ask("other", "bb" * 32).json()["requestId"]
    with worker.session(machineName="a machine with quite a long name of its own"):
        job_id = studio.submit()
        worker.take_offer()
        assert {job_id, worker.worker_id} <= set(run("jobs").out.split())
        assert {job_id, worker.worker_id} <= set(run("workers").out.split())
    assert request in run("pending").out.split()


def test_cancelled_and_handed_back_jobs_are_no_failures(studio: StudioInThread) -> None:
    worker = studio.new_worker()
    with worker.session():
        cancelled = job_in(studio, worker, "cancelled")
        handed_back = job_in(studio, worker, "claimed")
        worker.send("fail", jobId=handed_back, error="bye", retryable=True, code="shutdown")
        worker.expect("failAck")
    assert studio.job(cancelled)["attempts"] == 0
    assert studio.job(handed_back)["attempts"] == 0
