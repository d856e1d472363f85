"""Overview, Pending and Workers, as they are without JavaScript."""

from __future__ import annotations

import requests

from plugins.studio.tests.pages.browsing import SECONDS, UI, Visitor
from plugins.studio.tests.support.field_worker import CAPABILITIES
from plugins.studio.tests.support.studio_in_thread import Holding, StudioInThread
from tests.support.waiting import eventually

MARKUP = "<script>alert(1)</script>"
SHOWN = "&lt;script&gt;alert(1)&lt;/script&gt;"
SECRET = "ab" * 32


def ask(studio: StudioInThread, **more: object) -> str:
    capabilities = {**CAPABILITIES, **more}
    return str(studio.ask("one", SECRET, capabilities=capabilities).json()["requestId"])


def test_a_new_studio_says_what_to_do_first(visitor: Visitor) -> None:
    assert "No worker yet" in visitor.page("overview")
    assert "Nobody waits" in visitor.page("pending")
    assert "studio-worker config set api_base_url" in visitor.page("workers")


def test_a_machine_is_let_in_after_a_look_at_what_it_says(
    visitor: Visitor, studio: StudioInThread
) -> None:
    request_id = ask(studio, machineName=f"attic {MARKUP}", supportedModels=[f"m {MARKUP}"])
    assert "1 machine waits" in visitor.page("overview")
    page = visitor.page("pending")
    assert SHOWN in page
    assert MARKUP not in page
    assert "16.0 GB" in page
    assert request_id in page
    assert visitor.change(f"pending/{request_id}/approve").ok
    assert studio.poll(request_id, SECRET).json()["status"] == "approved"
    page = visitor.page("workers")
    assert SHOWN in page
    assert MARKUP not in page
    assert "Away" in page, "approved, and not connected yet"
    assert "Nobody waits" in visitor.page("pending")


def test_a_machine_is_turned_down_and_told_why(visitor: Visitor, studio: StudioInThread) -> None:
    request_id = ask(studio)
    assert visitor.change(f"pending/{request_id}/reject", reason=" not ours ").ok
    said = studio.poll(request_id, SECRET).json()
    assert (said["status"], said["reason"]) == ("rejected", "not ours")
    answer = visitor.change(f"pending/{request_id}/approve")
    assert answer.status_code == 409
    assert "already" in answer.text


def test_what_a_worker_does_is_shown_and_a_dead_one_is_away(
    visitor: Visitor, holding: Holding
) -> None:
    worker = holding.worker
    worker.send("progress", jobId=holding.job_id, fraction=0.4, message=f"step {MARKUP}")
    worker.heartbeat(holding.job_id)
    path = f"workers/{worker.worker_id}"
    page = visitor.page(path)
    assert "Working" in page
    assert "40 %" in page
    assert SHOWN in page
    assert holding.job_id in page
    holding.studio.time.shift += 12
    worker.socket.close()
    holding.studio.wait_worker(worker.worker_id, "offline")
    page = visitor.page(path)
    assert "Away" in page
    assert "Jobs that it held go to others" in page
    holding.studio.time.shift += 3600
    assert "1 h ago" in visitor.page("workers"), "by the studio's clock"


def test_a_worker_is_deleted_only_after_it_was_asked_about(
    visitor: Visitor, holding: Holding
) -> None:
    path = f"workers/{holding.worker.worker_id}/delete"
    page = visitor.page(path)
    assert "1 job that it holds goes back to the queue" in page
    assert "cannot be undone" in page
    assert holding.studio.job(holding.job_id)["state"] == "claimed", "looking changes nothing"
    assert visitor.change(path).ok
    assert holding.worker.expect_close() == 4004
    assert "No worker yet" in visitor.page("workers")
    assert visitor.get(f"{UI}/{path}").status_code == 404


def test_the_overview_counts_what_waits_what_ended_and_why_it_failed(
    visitor: Visitor, holding: Holding
) -> None:
    studio, worker = holding.studio, holding.worker
    assert worker.complete(holding.job_id).ok
    failing = studio.submit(maxAttempts=1)
    worker.take_offer()
    worker.send("fail", jobId=failing, error=f"no memory {MARKUP}", retryable=False)
    studio.wait_state(failing, "failed")
    studio.submit({"kind": "mesh", "imageUrl": "https://example.com/a.png"})
    eventually("the sums", lambda: "1 done, 1 failed" in visitor.page("overview"))
    page = visitor.page("overview")
    assert f"no memory {SHOWN}" in page
    assert MARKUP not in page
    assert "3D model" in page
    assert "1 done, 1 failed in the last hour" in page


def test_changes_are_told_to_an_open_page(visitor: Visitor, studio: StudioInThread) -> None:
    with visitor.get(f"{UI}/events", stream=True) as answer:
        assert answer.headers["x-accel-buffering"] == "no"
        lines = answer.iter_lines(chunk_size=1, decode_unicode=True)
        assert next(line for line in lines if line.startswith("event:")) == "event: hello"
        job_id = studio.submit()
        data = next(line for line in lines if line.startswith("data:") and "jobs" in line)
        assert f"job-{job_id}" in data.split()
        assert "status" in data.split()


def test_open_pages_do_not_hold_up_the_end(visitor: Visitor, studio: StudioInThread) -> None:
    with visitor.get(f"{UI}/events", stream=True) as answer:
        next(answer.iter_lines(chunk_size=1))
        studio.stop()
        for _ in answer.iter_content():
            pass


def test_there_is_an_end_to_open_pages(visitor: Visitor) -> None:
    opened = [visitor.get(f"{UI}/events", stream=True) for _ in range(65)]
    try:
        assert sorted({each.status_code for each in opened}) == [200, 503]
    finally:
        for each in opened:
            each.close()


def test_a_page_that_is_not_there_is_said_in_the_frame(visitor: Visitor) -> None:
    answer = visitor.get(f"{UI}/nothing")
    assert answer.status_code == 404
    assert "There is nothing at this address" in answer.text
    answer = requests.get(f"{visitor.url}{UI}/static/none.js", timeout=SECONDS)
    assert answer.status_code == 404
