"""``GET /jobs/{id}/events``: a job followed to its end."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import requests

from plugins.studio.tests.support.studio_in_thread import StudioInThread


@contextmanager
def following(studio: StudioInThread, job_id: str) -> Iterator[Iterator[tuple[str, Any]]]:
    """The events that come, each as its name and data; ends with the answer."""
    path = f"/jobs/{job_id}/events"
    with studio.raw("GET", path, stream=True) as answer:
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        yield events(answer)


def events(answer: requests.Response) -> Iterator[tuple[str, Any]]:
    name = ""
    for line in answer.iter_lines(chunk_size=1, decode_unicode=True):
        field, _, value = line.partition(": ")
        if field == "event":
            name = value
        elif field == "data":
            yield name, json.loads(value)


def seen_until(course: Iterator[tuple[str, Any]], state: str) -> dict[str, Any]:
    return next(job for name, job in course if name == "job" and job["state"] == state)


def test_a_job_is_told_from_now_until_it_is_done(studio: StudioInThread) -> None:
    job_id = studio.submit()
    with following(studio, job_id) as course:
        assert next(course)[1]["state"] == "queued"
        worker = studio.new_worker()
        with worker.session():
            worker.take_offer()
            assert seen_until(course, "claimed")["workerId"] == worker.worker_id
            worker.send("progress", jobId=job_id, fraction=0.5, message="half")
            half = next(job for _, job in course if "progress" in job)
            assert half["progress"] == {"fraction": 0.5, "message": "half"}
            assert worker.complete(job_id).ok
            done = seen_until(course, "done")
        assert done["result"]["bytes"] == len(b"picture")
        assert list(course) == []


def test_other_jobs_are_no_news(studio: StudioInThread) -> None:
    job_id = studio.submit()
    with following(studio, job_id) as course:
        assert next(course)[1]["jobId"] == job_id
        others = [studio.submit() for _ in range(3)]
        for other in others:
            studio.call("POST", f"/jobs/{other}/cancel")
        studio.call("POST", f"/jobs/{job_id}/cancel")
        assert [(name, job["state"]) for name, job in course] == [("job", "cancelled")]


def test_a_job_that_has_ended_is_told_at_once(studio: StudioInThread) -> None:
    job_id = studio.submit()
    studio.call("POST", f"/jobs/{job_id}/cancel")
    with following(studio, job_id) as course:
        assert [(name, job["state"]) for name, job in course] == [("job", "cancelled")]


def test_a_studio_that_stops_ends_it(studio: StudioInThread) -> None:
    with following(studio, studio.submit()) as course:
        next(course)
        studio.stop()
        assert list(course) == []


def test_a_job_that_is_not_there_is_not_found(studio: StudioInThread) -> None:
    assert studio.raw("GET", "/jobs/nobody/events").status_code == 404
