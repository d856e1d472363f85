"""Letting workers in (protocol §2 and §5)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import requests

SECRET = "5e" * 32


def test_a_request_is_pending_until_the_operator_approves(studio: Any) -> None:
    asked = studio.ask("one", SECRET)
    assert asked.status_code == 200
    request_id = asked.json()["requestId"]
    assert asked.json() == {"requestId": request_id, "status": "pending"}
    assert request_id.startswith("rr-")
    assert studio.poll(request_id, SECRET).json() == {"status": "pending"}
    waiting = studio.call("GET", "/workers/pending")["items"]
    assert [item["requestId"] for item in waiting] == [request_id]
    assert waiting[0]["installId"] == "one"
    assert waiting[0]["capabilities"]["machineName"] == "box"
    assert waiting[0]["userAgent"] == "studio-worker/0.1.0"
    assert waiting[0]["sourceAddress"] == "127.0.0.1"
    assert waiting[0]["createdAt"].endswith("Z")
    studio.call("POST", f"/workers/pending/{request_id}/approve")
    approved = studio.poll(request_id, SECRET).json()
    assert approved["status"] == "approved"
    assert set(approved) == {"status", "workerId", "authToken"}
    assert studio.call("GET", "/workers/pending")["items"] == []


def test_the_same_install_gets_its_pending_request_again(studio: Any) -> None:
    first = studio.ask("one", SECRET).json()["requestId"]
    assert studio.ask("one", SECRET).json()["requestId"] == first
    assert studio.ask("two", SECRET).json()["requestId"] != first


def test_an_install_that_lost_its_secret_is_let_in_by_its_newest_one(studio: Any) -> None:
    request_id = studio.ask("one", SECRET).json()["requestId"]
    assert studio.ask("one", "77" * 32).json()["requestId"] == request_id
    studio.call("POST", f"/workers/pending/{request_id}/approve")
    assert studio.poll(request_id, SECRET).status_code == 401
    assert studio.poll(request_id, "77" * 32).json()["status"] == "approved"


def test_a_new_secret_after_the_approval_does_not_open_the_door(studio: Any) -> None:
    request_id = studio.ask("one", SECRET).json()["requestId"]
    studio.call("POST", f"/workers/pending/{request_id}/approve")
    assert studio.ask("one", "77" * 32).json()["requestId"] != request_id
    assert studio.poll(request_id, "77" * 32).status_code == 401
    assert studio.poll(request_id, SECRET).json()["status"] == "approved"


def test_a_repeated_poll_rotates_the_token_and_only_the_last_one_counts(studio: Any) -> None:
    request_id = studio.ask("one", SECRET).json()["requestId"]
    studio.call("POST", f"/workers/pending/{request_id}/approve")
    first = studio.poll(request_id, SECRET).json()
    second = studio.poll(request_id, SECRET).json()
    assert first["workerId"] == second["workerId"]
    assert first["authToken"] != second["authToken"]
    path = f"{studio.base}/workers/{first['workerId']}/jobs/none/complete"
    for token, status in ((first["authToken"], 401), (second["authToken"], 409)):
        headers = {"Authorization": f"Bearer {token}"}
        assert requests.post(path, headers=headers, timeout=10).status_code == status


def test_only_hashes_are_stored(studio: Any) -> None:
    worker = studio.new_worker()
    studio.stop()
    stored = b"".join(path.read_bytes() for path in studio.settings.data.glob("studio.db*"))
    assert worker.worker_id.encode() in stored
    assert worker.token.encode() not in stored
    assert studio.token.encode() not in stored


def test_a_wrong_secret_is_401_and_an_unknown_request_404(studio: Any) -> None:
    request_id = studio.ask("one", SECRET).json()["requestId"]
    assert studio.poll(request_id, "00" * 32).status_code == 401
    assert (
        requests.get(
            f"{studio.base}/workers/register-requests/{request_id}", timeout=10
        ).status_code
        == 401
    )
    unknown = studio.poll("rr-unknown", SECRET)
    assert unknown.status_code == 404
    assert set(unknown.json()) == {"error", "message"}


def test_a_rejection_is_told_with_its_reason_and_the_install_may_ask_again(studio: Any) -> None:
    request_id = studio.ask("one", SECRET).json()["requestId"]
    studio.call("POST", f"/workers/pending/{request_id}/reject", {"reason": "not ours"})
    assert studio.poll(request_id, SECRET).json() == {"status": "rejected", "reason": "not ours"}
    assert studio.raw("POST", f"/workers/pending/{request_id}/approve").status_code == 409
    again = studio.ask("one", SECRET).json()["requestId"]
    assert again != request_id
    assert studio.raw("POST", f"/workers/pending/{again}/reject").status_code == 200
    assert studio.poll(again, SECRET).json() == {"status": "rejected"}


def test_approving_twice_is_harmless_and_unknown_requests_are_404(studio: Any) -> None:
    request_id = studio.ask("one", SECRET).json()["requestId"]
    first = studio.call("POST", f"/workers/pending/{request_id}/approve")
    assert studio.call("POST", f"/workers/pending/{request_id}/approve") == first
    assert studio.raw("POST", "/workers/pending/rr-x/approve").status_code == 404
    assert studio.raw("POST", "/workers/pending/rr-x/reject").status_code == 404


def test_the_eleventh_request_of_a_minute_is_told_when_to_come_back(studio: Any) -> None:
    for number in range(10):
        assert studio.ask(f"install-{number}", SECRET).status_code == 200
    refused = studio.ask("install-10", SECRET)
    assert refused.status_code == 429
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    studio.time.shift += 61
    assert studio.ask("install-10", SECRET).status_code == 200


def test_polls_are_not_rate_limited(studio: Any) -> None:
    request_id = studio.ask("one", SECRET).json()["requestId"]
    for _ in range(30):
        assert studio.poll(request_id, SECRET).status_code == 200


def test_waiting_requests_are_bounded(make_studio: Callable[..., Any]) -> None:
    studio = make_studio(max_pending_registrations=2, registrations_per_minute=100)
    assert studio.ask("one", SECRET).ok
    assert studio.ask("two", SECRET).ok
    refused = studio.ask("three", SECRET)
    assert refused.status_code == 429
    assert "Retry-After" in refused.headers
    assert studio.ask("two", SECRET).ok


def test_auto_approve_lets_everybody_in(make_studio: Callable[..., Any]) -> None:
    studio = make_studio(auto_approve=True)
    asked = studio.ask("one", SECRET).json()
    assert asked["status"] == "pending"
    assert studio.poll(asked["requestId"], SECRET).json()["status"] == "approved"


def test_a_bad_request_is_refused_with_the_reason(studio: Any) -> None:
    refused = studio.ask("one", SECRET, registrationSecretHash="short")
    assert refused.status_code == 400
    assert "registrationSecretHash" in refused.json()["message"]
    url = studio.base + "/workers/register-request"
    assert requests.post(url, data=b"x" * 2_000_000, timeout=10).status_code == 413


def test_a_deleted_worker_polls_in_vain(studio: Any) -> None:
    request_id = studio.ask("one", SECRET).json()["requestId"]
    worker_id = studio.call("POST", f"/workers/pending/{request_id}/approve")["workerId"]
    studio.call("DELETE", f"/workers/{worker_id}")
    assert studio.poll(request_id, SECRET).status_code == 404
