"""The session from the upgrade to its end (protocol §3, §5)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from plugins.studio.tests.support.studio_in_thread import MakeStudio, StudioInThread


def test_a_worker_is_welcomed_under_the_subprotocol(studio: StudioInThread) -> None:
    worker = studio.new_worker()
    with worker.connected():
        assert worker.socket.subprotocol == "studio-worker-v1"
        welcome = worker.hello()
        assert welcome["workerId"] == worker.worker_id
        assert welcome["features"] == ["cancel", "code", "jsonUpload", "meta", "progress", "resume"]
        assert welcome["serverTime"].endswith("Z")
        assert welcome.get("resume", []) == []


def test_a_bad_bearer_is_401_on_the_upgrade(studio: StudioInThread) -> None:
    worker = studio.new_worker()
    for headers in ({"Authorization": "Bearer wrong"}, {}):
        worker.headers = headers
        with pytest.raises(InvalidStatus) as refused, worker.connected():
            pass
        assert refused.value.response.status_code == 401


def test_an_unknown_worker_is_401_on_the_upgrade(studio: StudioInThread) -> None:
    worker = studio.new_worker()
    worker.worker_id = "worker-nobody"
    with pytest.raises(InvalidStatus) as refused, worker.connected():
        pass
    assert refused.value.response.status_code == 401


def test_a_bad_token_in_hello_closes_with_4001(studio: StudioInThread) -> None:
    worker = studio.new_worker()
    with worker.connected():
        worker.send("hello", authToken="wrong", capabilities=worker.capabilities)
        assert worker.expect("error")["code"] == "auth_failed"
        assert worker.expect_close() == 4001


@pytest.mark.parametrize("first", ['{"type":"accept","jobId":"x"}', b"\x00"])
def test_another_first_frame_closes_with_4002(studio: StudioInThread, first: str | bytes) -> None:
    worker = studio.new_worker()
    with worker.connected():
        worker.socket.send(first)
        assert worker.expect("error")["code"] == "protocol_violation"
        assert worker.expect_close() == 4002


def test_nonsense_before_hello_is_skipped(studio: StudioInThread) -> None:
    worker = studio.new_worker()
    with worker.connected():
        worker.socket.send("no json")
        worker.socket.send('{"type":"unheardOf"}')
        worker.hello()


def test_a_socket_that_says_nothing_is_closed(make_studio: MakeStudio) -> None:
    studio = make_studio(hello_seconds=0.05)
    worker = studio.new_worker()
    with worker.connected():
        assert worker.expect_close() == 1000


def test_a_newer_session_closes_the_older_with_4003(studio: StudioInThread) -> None:
    older = studio.new_worker()
    newer = type(older)(older.base, older.worker_id, older.token)
    with older.session(), newer.session():
        assert older.expect("error")["code"] == "duplicate_worker"
        assert older.expect_close() == 4003
        newer.heartbeat()
        assert studio.call("GET", f"/workers/{newer.worker_id}")["state"] == "idle"


def test_deleting_a_worker_closes_its_socket_with_4004(studio: StudioInThread) -> None:
    worker = studio.new_worker()
    with worker.session():
        studio.call("DELETE", f"/workers/{worker.worker_id}")
        assert worker.expect("error")["code"] == "worker_deleted"
        assert worker.expect_close() == 4004
    with worker.connected():
        assert worker.expect("error")["code"] == "worker_deleted"
        assert worker.expect_close() == 4004
    assert studio.call("GET", "/workers")["items"] == []


def test_every_heartbeat_is_acknowledged(studio: StudioInThread) -> None:
    worker = studio.new_worker()
    with worker.session():
        for _ in range(3):
            worker.heartbeat()


def test_one_bad_frame_does_not_end_a_session(studio: StudioInThread) -> None:
    worker = studio.new_worker()
    with worker.session():
        for bad in (
            "{",
            "[]",
            '{"type":"future"}',
            '{"type":"accept"}',
            '{"type":"accept","jobId":5}',
        ):
            worker.socket.send(bad)
        worker.heartbeat()


def test_a_binary_frame_ends_an_idle_session_but_not_one_with_work(studio: StudioInThread) -> None:
    worker = studio.new_worker()
    with worker.session():
        studio.submit()
        job_id = worker.take_offer()
        worker.socket.send(b"\x01\x02")
        worker.heartbeat(job_id)
        assert worker.complete(job_id).status_code == 204
        worker.socket.send(b"\x01\x02")
        assert worker.expect("error")["code"] == "protocol_violation"
        assert worker.expect_close() == 4002


def test_nothing_but_nonsense_is_a_violation_in_the_end(studio: StudioInThread) -> None:
    worker = studio.new_worker()
    with worker.session():
        for _ in range(20):
            worker.socket.send("nonsense")
        assert worker.expect("error")["code"] == "protocol_violation"
        assert worker.expect_close() == 4002


@pytest.mark.parametrize(
    "frame",
    [
        {"type": "accept", "jobId": "job-x"},
        {"type": "fail", "jobId": "job-x", "error": "e", "retryable": True},
        {"type": "completeJson", "jobId": "job-x", "result": {}},
    ],
)
def test_speaking_of_a_job_that_is_not_held_is_a_violation(
    studio: StudioInThread, frame: dict[str, Any]
) -> None:
    worker = studio.new_worker()
    with worker.session():
        worker.socket.send(json.dumps(frame))
        assert worker.expect("error")["code"] == "protocol_violation"
        assert worker.expect_close() == 4002


def test_a_violation_gives_the_workers_job_to_others_at_once(studio: StudioInThread) -> None:
    bad, good = studio.new_worker(), studio.new_worker()
    job_id = studio.submit()
    with bad.session():
        assert bad.take_offer() == job_id
        with good.session():
            bad.send("accept", jobId="job-x")
            assert bad.expect_close() == 4002
            assert good.take_offer() == job_id


def test_shipped_logs_are_kept_and_found_by_job_and_worker(studio: StudioInThread) -> None:
    worker = studio.new_worker()
    entry = {"ts": "2026-01-01T00:00:00Z", "level": "info", "category": "engine", "message": "hi"}
    with worker.session():
        worker.send("logBatch", entries=[entry, {**entry, "jobId": "job-7", "message": "there"}])
        worker.heartbeat()
    everything = studio.call("GET", "/logs")["items"]
    assert [e["message"] for e in everything] == ["hi", "there"]
    assert everything[0]["workerId"] == worker.worker_id
    assert everything[0]["level"] == "info"
    found = studio.call("GET", "/logs?jobId=job-7")["items"]
    assert [e["message"] for e in found] == ["there"]
    assert studio.call("GET", "/logs?workerId=nobody")["items"] == []
    after = studio.call("GET", f"/logs?after={everything[0]['id']}")["items"]
    assert [e["message"] for e in after] == ["there"]


def test_a_stopping_studio_asks_its_workers_to_come_back(studio: StudioInThread) -> None:
    worker = studio.new_worker()
    with worker.session():
        studio.stop()
        assert worker.expect_close() == 1001
