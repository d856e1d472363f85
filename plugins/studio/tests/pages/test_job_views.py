"""Queue, a job's page, Gallery and Logs, as they are without JavaScript."""

from __future__ import annotations

import io
import json

import pytest
from PIL import Image

from plugins.studio.tests.pages.browsing import UI, Visitor, hidden
from plugins.studio.tests.support.studio_in_thread import CHAT, Holding, StudioInThread
from tests.support.waiting import eventually

MARKUP = "<script>alert(1)</script>"
SHOWN = "&lt;script&gt;alert(1)&lt;/script&gt;"


def picture() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (64, 48), "red").save(out, "PNG")
    return out.getvalue()


def test_a_new_queue_says_what_to_do_first(visitor: Visitor) -> None:
    assert "No jobs yet" in visitor.page("queue")
    assert "Nothing made yet" in visitor.page("gallery")
    assert "No line fits" in visitor.page("logs")


def test_jobs_are_filtered_by_state_kind_id_and_model(
    visitor: Visitor, studio: StudioInThread
) -> None:
    first = studio.submit({"kind": "image", "prompt": f"a fox {MARKUP}"})
    chat = studio.submit(CHAT)
    studio.call("POST", f"/jobs/{chat}/cancel")
    page = visitor.page("queue")
    assert SHOWN in page
    assert MARKUP not in page
    assert page.index(chat) < page.index(first), "the newest first"
    for query, wanted in (
        ("state=queued", first),
        ("state=cancelled", chat),
        ("kind=image", first),
        ("kind=llm&state=cancelled", chat),
        (f"q={first}", first),
        (f"q={chat[:14]}", chat),
    ):
        page = visitor.page(f"queue?{query}")
        other = chat if wanted == first else first
        assert f"j-{wanted}" in page, query
        assert f"j-{other}" not in page, query
    assert f"j-{first}" in visitor.page("queue?q=synthetic")
    assert "No job fits" in visitor.page("queue?q=nothing")
    assert f"j-{first}" in visitor.page("queue?state=nonsense&kind=x&before=%3Cb%3E")


def test_pages_of_the_queue_stay_and_the_last_one_exists(
    visitor: Visitor, studio: StudioInThread
) -> None:
    jobs = [studio.submit() for _ in range(32)]
    page = visitor.page("queue")
    assert page.count('class="job"') == 30
    older = page[page.index(f"{UI}/queue?before=") :].partition('"')[0].removeprefix(f"{UI}/")
    studio.submit()
    page = visitor.page(older)
    assert page.count('class="job"') == 2, "a new job moves nothing"
    assert "Newest" in page
    for job_id in jobs[:2]:
        studio.call("POST", f"/jobs/{job_id}/cancel")
        studio.call("DELETE", f"/jobs/{job_id}")
    answer = visitor.get(f"{UI}/{older}")
    assert answer.url.endswith("/queue"), "emptied: the newest, and not a page of nothing"
    news = visitor.get(f"{UI}/queue/new?after=32", headers={"hx-request": "true"}).text
    assert "1 new" in news


def test_a_job_goes_its_way_on_its_page(visitor: Visitor, holding: Holding) -> None:
    studio, worker, job_id = holding.studio, holding.worker, holding.job_id
    worker.send("progress", jobId=job_id, fraction=1.0, message=f"almost {MARKUP}")
    worker.heartbeat(job_id)
    page = visitor.page(f"jobs/{job_id}")
    assert "99 %" in page, "never full before the result is there"
    assert SHOWN in page
    fragment = {"hx-request": "true"}
    seen = f"{UI}/jobs/{job_id}/state?seen="
    assert 'id="state"' in visitor.get(f"{seen}queued", headers=fragment).text
    meta = json.dumps({"seed": 2**64 - 1, "engine": "e", "engineVersion": "2", "steps": 9})
    assert worker.complete(job_id, picture(), meta=meta).ok
    assert visitor.get(f"{seen}claimed", headers=fragment).headers["hx-refresh"] == "true"
    assert visitor.get(f"{seen}done", headers=fragment).status_code == 204
    page = visitor.page(f"jobs/{job_id}")
    assert "18446744073709551615" in page
    assert "e 2" not in page, "the job's engine is the studio's word"
    assert "synthetic 2" in page
    name = "a-boat_18446744073709551615.png"
    file = visitor.get(f"{UI}/jobs/{job_id}/result/{name}")
    assert file.content == picture()
    assert file.headers["content-type"] == "image/png"
    assert "sandbox" in file.headers["content-security-policy"]
    part = visitor.get(f"{UI}/jobs/{job_id}/result/{name}", headers={"range": "bytes=0-7"})
    assert (part.status_code, part.content) == (206, picture()[:8])
    saved = visitor.get(f"{UI}/jobs/{job_id}/result/{name}?download")
    assert saved.headers["content-disposition"] == f'attachment; filename="{name}"'
    gallery = visitor.page("gallery?kind=image")
    assert f"/jobs/{job_id}/result/{job_id}.png" in gallery
    assert 'loading="lazy"' in gallery
    assert "None of this kind" in visitor.page("gallery?kind=video")
    assert visitor.change(f"jobs/{job_id}/retry").status_code == 409
    assert "1 job goes, with its result" in visitor.page(f"jobs/{job_id}/delete")
    assert visitor.change(f"jobs/{job_id}/delete").url.endswith("/queue")
    assert studio.raw("GET", f"/jobs/{job_id}").status_code == 404


@pytest.mark.parametrize("mime", ["image/svg+xml", "text/html"])
def test_what_a_browser_would_run_is_a_download(
    visitor: Visitor, holding: Holding, mime: str
) -> None:
    data = f"<svg xmlns='http://www.w3.org/2000/svg'>{MARKUP}</svg>".encode()
    holding.worker.heartbeat(holding.job_id, extensions={"svg": mime})
    assert holding.worker.complete(holding.job_id, data, ext="svg", mime=mime).ok
    page = visitor.page(f"jobs/{holding.job_id}")
    assert 'id="stage"' not in page
    answer = visitor.get(f"{UI}/jobs/{holding.job_id}/result/x.svg")
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "<img" not in visitor.page("gallery")


def test_an_answer_is_text_and_folded_json(visitor: Visitor, holding: Holding) -> None:
    assert holding.worker.complete(holding.job_id).ok
    job_id = holding.studio.submit(CHAT)
    holding.worker.take_offer()
    result = {"text": f"hello {MARKUP}", "more": [1]}
    holding.worker.send("completeJson", jobId=job_id, result=result, prompt="x")
    holding.studio.wait_state(job_id, "done")
    page = visitor.page(f"jobs/{job_id}")
    assert f"hello {SHOWN}" in page
    assert "The whole answer" in page
    assert MARKUP not in page
    answer = visitor.get(f"{UI}/jobs/{job_id}/result/x.json")
    assert answer.json() == result
    assert answer.headers["content-disposition"] == "attachment"


def test_a_failed_job_says_why_and_is_retried(visitor: Visitor, holding: Holding) -> None:
    worker, job_id = holding.worker, holding.job_id
    worker.send("fail", jobId=job_id, error=f"no memory {MARKUP}", retryable=False)
    holding.studio.wait_state(job_id, "failed")
    for view in (f"jobs/{job_id}", "queue?state=failed"):
        page = visitor.page(view)
        assert f"no memory {SHOWN}" in page
        assert MARKUP not in page
    assert visitor.change(f"jobs/{job_id}/retry").ok
    eventually("it is taken again", lambda: holding.studio.job(job_id)["state"] == "claimed")


def test_a_waiting_job_that_nobody_can_do_says_so_and_is_cancelled(
    visitor: Visitor, studio: StudioInThread
) -> None:
    job_id = studio.submit()
    assert 'id="nobody"' in visitor.page(f"jobs/{job_id}")
    with studio.new_worker().session() as worker:
        assert worker.take_offer() == job_id
        assert 'id="nobody"' not in visitor.page(f"jobs/{job_id}")
        page = visitor.change(f"jobs/{job_id}/cancel").text
        assert "Being cancelled" in page
        visitor.change(f"jobs/{job_id}/cancel")
        assert studio.job(job_id)["state"] == "cancelled"
    assert "Nothing was kept" in visitor.page(f"jobs/{job_id}")


def test_logs_are_text_and_filtered(visitor: Visitor, holding: Holding) -> None:
    entry = {"ts": "2026-11-27T10:00:00Z", "category": "engine", "jobId": holding.job_id}
    holding.worker.send(
        "logBatch",
        entries=[
            {**entry, "level": "info", "message": f"begin {MARKUP}"},
            {**entry, "level": "error", "message": "x" * 20_000},
        ],
    )
    eventually("the lines", lambda: SHOWN in visitor.page("logs"))
    page = visitor.page("logs")
    assert MARKUP not in page
    assert "(20000 characters)" in page
    assert SHOWN not in visitor.page("logs?level=error")
    assert SHOWN in visitor.page(f"logs?job={holding.job_id}&q=BEGIN")
    assert SHOWN in visitor.page(f"logs?worker={holding.worker.worker_id}")
    assert "No line fits" in visitor.page("logs?job=job-other")
    assert SHOWN in visitor.page(f"jobs/{holding.job_id}")
    more = page[page.index(f"{UI}/logs?after=") :].partition('"')[0]
    assert 'class="line ' not in visitor.get(more, headers={"hx-request": "true"}).text
    saved = visitor.get(f"{UI}/logs/download")
    assert "x" * 20_000 in saved.text
    assert saved.headers["content-type"].startswith("text/plain")


def test_a_job_that_is_not_there_is_said(visitor: Visitor) -> None:
    for path in ("jobs/job-none", "jobs/job-none/result/x", "workers/none"):
        answer = visitor.get(f"{UI}/{path}")
        assert answer.status_code == 404
        assert "There is no" in answer.text
        assert hidden(answer.text, "csrf")
