"""``Idempotency-Key``, and numbers, ids and cursors from outside."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from plugins.studio.tests.support.studio_in_thread import StudioInThread

BODY = {"model": "procedural", "task": {"kind": "image", "prompt": "a boat"}}
MANY = "9" * 5000


def queue(studio: StudioInThread, key: str, body: object = BODY) -> requests.Response:
    return studio.raw("POST", "/jobs", json=body, headers={"Idempotency-Key": key})


def test_the_same_key_queues_once_also_after_a_restart(studio: StudioInThread) -> None:
    first = queue(studio, "k-1")
    assert first.status_code == 201
    again = queue(studio, "k-1")
    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["Idempotency-Replayed"] == "true"
    studio.restart()
    assert queue(studio, "k-1").json() == first.json()
    assert queue(studio, "k-2").json() != first.json()
    assert len(studio.call("GET", "/jobs")["items"]) == 2


def test_a_key_with_another_body_is_409_and_queues_nothing(studio: StudioInThread) -> None:
    queue(studio, "k")
    refused = queue(studio, "k", {**BODY, "priority": 1})
    assert (refused.status_code, refused.json()["error"]) == (409, "key_reused")
    assert len(studio.call("GET", "/jobs")["items"]) == 1


def test_a_refused_submission_does_not_use_up_its_key(studio: StudioInThread) -> None:
    assert queue(studio, "k", {**BODY, "model": "unheard-of"}).status_code == 400
    assert queue(studio, "k").status_code == 201


def test_posts_at_the_same_time_make_one_job(studio: StudioInThread) -> None:
    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(lambda _: queue(studio, "k"), range(48)))
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert len({answer.json()["jobId"] for answer in answers if answer.ok}) == 1
    for answer in answers:
        assert answer.ok or (answer.json()["error"], answer.headers["Retry-After"]) == (
            *("in_progress", "1"),
        )
    assert len(studio.call("GET", "/jobs")["items"]) == 1


@pytest.mark.parametrize("key", ["", "a b", "x" * 256, "ü"])
def test_a_key_is_visible_ascii(studio: StudioInThread, key: str) -> None:
    answer = studio.raw("POST", "/jobs", json=BODY, headers={b"Idempotency-Key": key.encode()})
    assert answer.status_code == 400


@pytest.mark.parametrize(
    "path",
    [
        f"/jobs?limit={MANY}",
        "/jobs?limit=-1",
        "/jobs?limit=\u0663",
        f"/jobs?after=job-{MANY}",
        "/jobs?after=job-unknown",
        "/jobs?order=sideways",
        "/jobs?state=gone",
        f"/workers?limit={MANY}",
        f"/workers?after={MANY}",
        f"/workers/pending?limit={MANY}",
        f"/models?limit={MANY}",
        f"/logs?limit={MANY}",
        f"/logs?after={MANY}",
        "/logs?after=-1",
        "/logs?order=no",
    ],
)
def test_a_number_or_cursor_that_is_none_is_400(studio: StudioInThread, path: str) -> None:
    answer = studio.raw("GET", path)
    assert answer.status_code == 400
    assert len(answer.json()["message"]) < 1000


@pytest.mark.parametrize(
    "ident", [MANY, "x" * 5000, "%00", "%ED%A0%80", "%F0%9F%98%80", "'--", "..%2F.."]
)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/jobs/{}"),
        ("DELETE", "/jobs/{}"),
        ("GET", "/jobs/{}/result"),
        ("POST", "/jobs/{}/cancel"),
        ("POST", "/jobs/{}/retry"),
        ("GET", "/workers/{}"),
        ("DELETE", "/workers/{}"),
        ("POST", "/workers/pending/{}/approve"),
        ("GET", "/models/{}"),
    ],
)
def test_an_id_that_nobody_has_is_404(
    studio: StudioInThread, method: str, path: str, ident: str
) -> None:
    answer = studio.raw(method, path.format(ident))
    assert answer.status_code == 404
    assert len(answer.content) < 12_000


@pytest.mark.parametrize(
    "text",
    [
        b'{"model": "\\ud800", "task": {"kind": "image", "prompt": "x"}}',
        b'{"model": "procedural", "task": {"kind": "image", "prompt": "\\udfff"}}',
        b'{"model": "procedural", "gameId": "\\ud800", "task": {"kind": "image", "prompt": "x"}}',
        b'{"model": "procedural", "priority": ' + b"9" * 5000 + b"}",
        b'{"model": "procedural", "vramGbEstimate": 1e999, "task": {}}',
        b"[" * 100_000,
    ],
)
def test_a_body_that_cannot_be_kept_is_400(studio: StudioInThread, text: bytes) -> None:
    assert studio.raw("POST", "/jobs", data=text).status_code == 400
