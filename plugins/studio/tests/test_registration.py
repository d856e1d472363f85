"""Letting workers in (protocol §2 and §5)."""

from __future__ import annotations

import requests

from plugins.studio.tests.support.studio_in_thread import MakeStudio, StudioInThread
from studio_worker_studio.rate_limit import network_of

SECRET = "5e" * 32


def test_a_request_is_pending_until_the_operator_approves(studio: StudioInThread) -> None:
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


def test_the_same_install_gets_its_pending_request_again(studio: StudioInThread) -> None:
    first = studio.ask("one", SECRET).json()["requestId"]
    assert studio.ask("one", SECRET).json()["requestId"] == first
    assert studio.ask("two", SECRET).json()["requestId"] != first


def test_an_ask_whose_answer_was_lost_finds_its_request_also_after_the_approval(
    studio: StudioInThread,
) -> None:
    first = studio.ask("one", SECRET).json()["requestId"]
    studio.call("POST", f"/workers/pending/{first}/approve")
    assert studio.ask("one", SECRET).json() == {"requestId": first, "status": "pending"}
    assert studio.ask("one", "77" * 32).json()["requestId"] != first
    worker_id = studio.poll(first, SECRET).json()["workerId"]
    assert len(studio.call("GET", "/workers")["items"]) == 1
    studio.call("DELETE", f"/workers/{worker_id}")
    assert studio.ask("one", SECRET).json()["requestId"] != first


def test_a_request_belongs_to_its_secret(studio: StudioInThread) -> None:
    mine = studio.ask("one", SECRET).json()["requestId"]
    other = studio.ask("one", "77" * 32).json()["requestId"]
    assert other != mine
    studio.call("POST", f"/workers/pending/{other}/approve")
    assert studio.poll(mine, SECRET).json() == {"status": "pending"}
    assert studio.poll(mine, "77" * 32).status_code == 401
    assert studio.poll(other, SECRET).status_code == 401
    studio.call("POST", f"/workers/pending/{mine}/approve")
    assert studio.poll(mine, SECRET).json()["status"] == "approved"


def test_a_request_that_nobody_decides_is_forgotten_after_a_week(studio: StudioInThread) -> None:
    old = studio.ask("one", SECRET).json()["requestId"]
    studio.time.shift += 7 * 86_400 + 1
    assert studio.call("GET", "/workers/pending")["items"] == []
    assert studio.poll(old, SECRET).status_code == 404
    assert studio.ask("one", SECRET).json()["requestId"] != old


def test_one_address_may_have_twenty_requests_waiting(make_studio: MakeStudio) -> None:
    studio = make_studio(registrations_per_minute=1000)
    first = studio.ask("install-0", SECRET).json()["requestId"]
    for number in range(1, 20):
        assert studio.ask(f"install-{number}", SECRET).ok
    refused = studio.ask("install-20", SECRET)
    assert refused.status_code == 429
    assert "address" in refused.json()["message"]
    assert studio.ask("install-3", SECRET).ok, "one that waits already may ask again"
    studio.call("POST", f"/workers/pending/{first}/approve")
    assert studio.ask("install-20", SECRET).ok


def test_a_reset_install_leaves_no_older_request_behind(studio: StudioInThread) -> None:
    ghost = studio.ask("before", SECRET).json()["requestId"]
    studio.ask("another-install-here", SECRET)
    anew = studio.ask("after", "77" * 32, replaces="before").json()["requestId"]
    waiting = [item["requestId"] for item in studio.call("GET", "/workers/pending")["items"]]
    assert anew in waiting
    assert ghost not in waiting
    assert len(waiting) == 2


def test_what_was_forwarded_counts_only_behind_a_configured_proxy(
    make_studio: MakeStudio,
) -> None:
    def ask(studio: StudioInThread) -> str:
        answer = requests.post(
            studio.base + "/workers/register-request",
            json=studio.request_body("one", SECRET),
            headers={"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https"},
            timeout=60,
        )
        assert answer.ok, answer.text
        (item,) = studio.call("GET", "/workers/pending")["items"]
        return str(item["sourceAddress"])

    studio = make_studio()
    assert ask(studio) == "127.0.0.1"
    studio.stop()
    elsewhere = make_studio(trusted_proxies=("10.0.0.0/8",), directory="elsewhere")
    assert ask(elsewhere) == "127.0.0.1"
    elsewhere.stop()
    proxied = make_studio(trusted_proxies=("127.0.0.0/8",), directory="behind")
    assert ask(proxied) == "203.0.113.9"


def test_one_ipv6_host_is_one_source() -> None:
    assert network_of("2001:db8::1") == network_of("2001:db8::ffff:1")
    assert network_of("2001:db8::1") != network_of("2001:db8:0:1::1")
    assert network_of("203.0.113.9") == "203.0.113.9"


def test_a_new_secret_after_the_approval_does_not_open_the_door(studio: StudioInThread) -> None:
    request_id = studio.ask("one", SECRET).json()["requestId"]
    studio.call("POST", f"/workers/pending/{request_id}/approve")
    assert studio.ask("one", "77" * 32).json()["requestId"] != request_id
    assert studio.poll(request_id, "77" * 32).status_code == 401
    assert studio.poll(request_id, SECRET).json()["status"] == "approved"


def test_a_repeated_poll_rotates_the_token_and_only_the_last_one_counts(
    studio: StudioInThread,
) -> None:
    request_id = studio.ask("one", SECRET).json()["requestId"]
    studio.call("POST", f"/workers/pending/{request_id}/approve")
    first = studio.poll(request_id, SECRET).json()
    second = studio.poll(request_id, SECRET).json()
    assert first["workerId"] == second["workerId"]
    assert first["authToken"] != second["authToken"]
    path = f"{studio.base}/workers/{first['workerId']}/jobs/none/complete"
    for token, status in ((first["authToken"], 401), (second["authToken"], 409)):
        headers = {"Authorization": f"Bearer {token}"}
        assert requests.post(path, headers=headers, timeout=60).status_code == status


def test_only_hashes_are_stored(studio: StudioInThread) -> None:
    worker = studio.new_worker()
    studio.stop()
    stored = b"".join(path.read_bytes() for path in studio.settings.data.glob("studio.db*"))
    assert worker.worker_id.encode() in stored
    assert worker.token.encode() not in stored
    assert studio.token.encode() not in stored


def test_a_wrong_secret_is_401_and_an_unknown_request_404(studio: StudioInThread) -> None:
    request_id = studio.ask("one", SECRET).json()["requestId"]
    assert studio.poll(request_id, "00" * 32).status_code == 401
    assert (
        requests.get(
            f"{studio.base}/workers/register-requests/{request_id}", timeout=60
        ).status_code
        == 401
    )
    unknown = studio.poll("rr-unknown", SECRET)
    assert unknown.status_code == 404
    assert set(unknown.json()) == {"error", "message"}


def test_a_rejection_is_told_with_its_reason_and_the_install_may_ask_again(
    studio: StudioInThread,
) -> None:
    request_id = studio.ask("one", SECRET).json()["requestId"]
    studio.call("POST", f"/workers/pending/{request_id}/reject", {"reason": "not ours"})
    assert studio.poll(request_id, SECRET).json() == {"status": "rejected", "reason": "not ours"}
    assert studio.raw("POST", f"/workers/pending/{request_id}/approve").status_code == 409
    again = studio.ask("one", SECRET).json()["requestId"]
    assert again != request_id
    assert studio.raw("POST", f"/workers/pending/{again}/reject").status_code == 200
    assert studio.poll(again, SECRET).json() == {"status": "rejected"}


def test_approving_twice_is_harmless_and_unknown_requests_are_404(studio: StudioInThread) -> None:
    request_id = studio.ask("one", SECRET).json()["requestId"]
    first = studio.call("POST", f"/workers/pending/{request_id}/approve")
    assert studio.call("POST", f"/workers/pending/{request_id}/approve") == first
    assert studio.raw("POST", "/workers/pending/rr-x/approve").status_code == 404
    assert studio.raw("POST", "/workers/pending/rr-x/reject").status_code == 404


def test_the_eleventh_request_of_a_minute_is_told_when_to_come_back(studio: StudioInThread) -> None:
    for number in range(10):
        assert studio.ask(f"install-{number}", SECRET).status_code == 200
    refused = studio.ask("install-10", SECRET)
    assert refused.status_code == 429
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    studio.time.shift += 61
    assert studio.ask("install-10", SECRET).status_code == 200


def test_polls_are_not_rate_limited(studio: StudioInThread) -> None:
    request_id = studio.ask("one", SECRET).json()["requestId"]
    for _ in range(30):
        assert studio.poll(request_id, SECRET).status_code == 200


def test_waiting_requests_are_bounded(make_studio: MakeStudio) -> None:
    studio = make_studio(max_pending_registrations=2, registrations_per_minute=100)
    assert studio.ask("one", SECRET).ok
    assert studio.ask("two", SECRET).ok
    refused = studio.ask("three", SECRET)
    assert refused.status_code == 429
    assert "Retry-After" in refused.headers
    assert studio.ask("two", SECRET).ok


def test_auto_approve_lets_everybody_in(make_studio: MakeStudio) -> None:
    studio = make_studio(auto_approve=True)
    asked = studio.ask("one", SECRET).json()
    assert asked["status"] == "pending"
    assert studio.poll(asked["requestId"], SECRET).json()["status"] == "approved"


def test_a_bad_request_is_refused_with_the_reason(studio: StudioInThread) -> None:
    refused = studio.ask("one", SECRET, registrationSecretHash="short")
    assert refused.status_code == 400
    assert "registrationSecretHash" in refused.json()["message"]
    url = studio.base + "/workers/register-request"
    assert requests.post(url, data=b"x" * 2_000_000, timeout=60).status_code == 413


def test_a_deleted_worker_polls_in_vain(studio: StudioInThread) -> None:
    request_id = studio.ask("one", SECRET).json()["requestId"]
    worker_id = studio.call("POST", f"/workers/pending/{request_id}/approve")["workerId"]
    studio.call("DELETE", f"/workers/{worker_id}")
    assert studio.poll(request_id, SECRET).status_code == 404
