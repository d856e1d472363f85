"""What is removed by age, by size, and because it was asked for."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import pytest

from plugins.studio.tests.support.studio_in_thread import MakeStudio, StudioInThread
from tests.support.waiting import eventually

DAY = 86_400.0


Ended = Callable[..., tuple[StudioInThread, dict[str, str]]]
"""Starts a studio with these settings that has a job in every state; the ids by state."""


@pytest.fixture
def ended(make_studio: MakeStudio) -> Ended:
    """A studio with a job in every state."""

    def make(**settings: Any) -> tuple[StudioInThread, dict[str, str]]:
        studio = make_studio(retention_seconds=0.02, **settings)
        worker = studio.new_worker()
        jobs = {}
        with worker.session():
            jobs["file"] = studio.submit()
            worker.take_offer()
            assert worker.complete(jobs["file"]).status_code == 204
            jobs["json"] = studio.submit({"kind": "llm", "messages": []})
            worker.take_offer()
            worker.send("completeJson", jobId=jobs["json"], result={"text": "hi"})
            worker.expect("completeAck")
            jobs["failed"] = studio.submit()
            worker.take_offer()
            worker.send("fail", jobId=jobs["failed"], error="no", retryable=False)
            worker.expect("failAck")
            jobs["claimed"] = studio.submit()
            worker.take_offer()
            entry = {"ts": "2026-01-01T00:00:00Z", "level": "info", "category": "c"}
            worker.send(
                "logBatch",
                entries=[{**entry, "message": f"of {j}", "jobId": j} for j in jobs.values()],
            )
            worker.heartbeat(jobs["claimed"])
        jobs["cancelled"] = studio.submit()
        studio.call("POST", f"/jobs/{jobs['cancelled']}/cancel")
        jobs["queued"] = studio.submit()
        eventually("logs", lambda: len(studio.call("GET", "/logs")["items"]) == 4)
        return studio, jobs

    return make


def removed(studio: StudioInThread, job_id: str) -> bool:
    return "resultRemovedAt" in studio.job(job_id)


def left(studio: StudioInThread) -> set[str]:
    return {job["jobId"] for job in studio.call("GET", "/jobs")["items"]}


def test_results_stay_for_ever_unless_it_is_said(ended: Ended) -> None:
    studio, jobs = ended()
    studio.time.shift = 10_000 * DAY
    eventually("failed ones forgotten", lambda: jobs["failed"] not in left(studio))
    assert {jobs[name] for name in ("file", "json", "queued")} <= left(studio)
    assert jobs["cancelled"] not in left(studio)
    assert studio.raw("GET", f"/jobs/{jobs['file']}/result").content == b"picture"
    eventually("logs of age", lambda: not studio.call("GET", "/logs")["items"])


def test_a_result_of_age_is_removed_and_its_job_says_so(ended: Ended) -> None:
    studio, jobs = ended(keep_results_seconds=DAY, keep_jobs_seconds=None)
    stranger = studio.settings.results / "not-ours.png"
    stranger.write_bytes(b"x")
    studio.time.shift = 2 * DAY
    for name in ("file", "json"):
        eventually(name, functools.partial(removed, studio, jobs[name]))
        gone = studio.raw("GET", f"/jobs/{jobs[name]}/result")
        assert (gone.status_code, gone.json()["error"]) == (410, "result_gone")
        assert "result" not in studio.job(jobs[name])
    assert not (studio.settings.results / f"{jobs['file']}.png").exists()
    assert stranger.exists()
    assert left(studio) == set(jobs.values())


def test_log_entries_are_bounded_in_bytes(make_studio: MakeStudio) -> None:
    studio = make_studio(max_log_bytes=100_000)
    worker = studio.new_worker()
    with worker.session():
        for number in range(40):
            entry = {"ts": "t", "level": "info", "category": "c", "message": f"{number:09}" * 1000}
            worker.send("logBatch", entries=[entry])
        worker.heartbeat()
    kept = eventually(
        "the last entry",
        lambda: (
            items
            if (items := studio.call("GET", "/logs")["items"])
            and items[-1]["message"].startswith("000000039")
            else None
        ),
    )
    size = sum(len(entry["message"]) for entry in kept)
    assert 80_000 < size <= 100_000


def test_an_ended_job_is_deleted_with_its_result_and_logs(ended: Ended) -> None:
    studio, jobs = ended()
    for name in ("file", "json", "failed", "cancelled"):
        assert studio.raw("DELETE", f"/jobs/{jobs[name]}").status_code == 204
        assert studio.raw("GET", f"/jobs/{jobs[name]}").status_code == 404
        assert studio.raw("DELETE", f"/jobs/{jobs[name]}").status_code == 404
    assert not (studio.settings.results / f"{jobs['file']}.png").exists()
    assert [e["jobId"] for e in studio.call("GET", "/logs")["items"]] == [jobs["claimed"]]
    for name in ("queued", "claimed"):
        refused = studio.raw("DELETE", f"/jobs/{jobs[name]}")
        assert refused.status_code == 409
        assert "cancel" in refused.json()["message"]
    assert left(studio) == {jobs["queued"], jobs["claimed"]}


def test_a_result_is_deleted_and_its_job_stays(ended: Ended) -> None:
    studio, jobs = ended()
    for name in ("file", "json"):
        assert studio.raw("DELETE", f"/jobs/{jobs[name]}/result").status_code == 204
        assert studio.raw("DELETE", f"/jobs/{jobs[name]}/result").status_code == 409
        assert studio.job(jobs[name])["state"] == "done"
    assert studio.raw("DELETE", f"/jobs/{jobs['queued']}/result").status_code == 409
    studio.restart()
    assert studio.raw("GET", f"/jobs/{jobs['file']}/result").status_code == 410


def test_logs_are_deleted_for_a_job_or_altogether(ended: Ended) -> None:
    studio, jobs = ended()
    assert studio.raw("DELETE", f"/logs?jobId={jobs['file']}").status_code == 204
    assert len(studio.call("GET", "/logs")["items"]) == 3
    assert studio.raw("DELETE", "/logs").status_code == 204
    assert studio.call("GET", "/logs") == {"items": []}


def test_pages_stay_where_they_are_when_jobs_come_and_go(studio: StudioInThread) -> None:
    made = [studio.submit(model="procedural") for _ in range(9)]
    for order, expected in (("oldest", made), ("newest", made[::-1])):
        first = studio.call("GET", f"/jobs?limit=3&order={order}")
        last_seen = first["items"][-1]["jobId"]
        studio.call("POST", f"/jobs/{last_seen}/cancel")
        studio.raw("DELETE", f"/jobs/{last_seen}")
        expected = [job for job in expected if job in {*left(studio), last_seen}]
        seen, page = [job["jobId"] for job in first["items"]], first
        while "next" in page:
            page = studio.call("GET", f"/jobs?limit=3&order={order}&after={page['next']}")
            seen += [job["jobId"] for job in page["items"]]
        assert seen == expected
        made = [job for job in made if job != last_seen]
    after = studio.call("GET", f"/jobs?order=newest&after={made[2]}")
    assert [job["jobId"] for job in after["items"]] == made[1::-1]
