"""The view Jobs, over a real journal."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from studio_worker_core.journal.records import JobFacts
from studio_worker_core.local_api.page.job_views import by_day
from tests.local_api.page.browsing import Visitor, hidden, link
from tests.local_api.page.test_create import MARKUP, SHOWN
from tests.support.waiting import eventually


def listed(visitor: Visitor, query: str = "") -> list[str]:
    page = visitor.get(f"/ui/jobs{query}").text
    return re.findall(r'class="job" href="/ui/jobs/([^"]+)"', page)


def test_jobs_are_listed_newest_first_with_filters_and_search(visitor: Visitor) -> None:
    empty = visitor.get("/ui/jobs").text
    assert "No jobs yet" in empty
    for prompt in ("first", f"second {MARKUP}"):
        fields = {"model": "procedural", "prompt": prompt, "width": "64", "height": "48"}
        visitor.made(visitor.create("image", {**fields, "seed": "18446744073709551615"}))
    fails = {"model": "procedural", "prompt": "third", "width": "16384", "height": "16384"}
    visitor.made(visitor.create("image", fails))
    eventually("all are in the journal", lambda: len(listed(visitor)) == 3)
    eventually("the failure is", lambda: len(listed(visitor, "?status=failed")) == 1)
    page = visitor.get("/ui/jobs").text
    assert page.index("third") < page.index("second") < page.index("first")
    assert SHOWN in page
    assert "<script>alert" not in page
    assert len(listed(visitor, "?q=second")) == 1
    assert listed(visitor, "?source=studio") == []
    assert "No job fits" in visitor.get("/ui/jobs?source=studio").text
    news = visitor.get("/ui/jobs/new?after=0", headers={"hx-request": "true"}).text
    assert "3 new" in news


def test_a_job_has_its_facts_its_picture_and_its_reason(visitor: Visitor) -> None:
    fields = {"model": "procedural", "prompt": f"a lake {MARKUP}", "width": "64", "height": "48"}
    visitor.made(visitor.create("image", {**fields, "seed": "18446744073709551615"}))
    found = eventually("it is there", lambda: listed(visitor, "?q=a+lake&status=completed"))

    def whole() -> str | None:
        page = visitor.get(f"/ui/jobs/{found[0]}").text
        return page if "/thumbnail" in page else None

    page = eventually("its picture is kept", whole)
    assert SHOWN in page
    assert "18446744073709551615" in page, "a seed is text from end to end"
    picture = visitor.get(link(page, "/ui/jobs/local"))
    assert picture.headers["content-type"] == "image/png"
    assert visitor.get("/ui/jobs/nothing").status_code == 404
    assert visitor.get("/ui/jobs/nothing/thumbnail").status_code == 404
    assert visitor.get("/ui/jobs?before=9999999999999999999999&status=x").ok


def test_jobs_are_under_their_days() -> None:
    now = datetime(2026, 3, 1, 0, 30)

    def job(number: int, when: datetime) -> JobFacts:
        return JobFacts(
            number=number, job_id=str(number), source="local", kind="image", engine="e",
            model="m", accepted=when.timestamp(),
        )  # fmt: skip

    jobs = [
        job(4, now),
        job(3, now - timedelta(minutes=20)),
        job(2, now - timedelta(hours=1)),
        job(1, now - timedelta(days=30)),
    ]
    found = [(day, [each.number for each in those]) for day, those in by_day(jobs, now)]
    assert found == [
        ("Today", [4, 3]),
        ("Yesterday", [2]),
        ("Friday, 30 January 2026", [1]),
    ]


def test_a_job_is_done_again_from_the_history(visitor: Visitor) -> None:
    fields = {
        "model": "procedural", "prompt": f"again {MARKUP}", "width": "64", "height": "48",
        "ext": "png", "seed": "18446744073709551615",
    }  # fmt: skip
    visitor.made(visitor.create("image", fields))
    query = "?q=again&status=completed"
    job = eventually("it is there", lambda: listed(visitor, query))[0]
    page = visitor.get(f"/ui/jobs/{job}").text
    form = visitor.get(link(page, "/ui/create/image?job=")).text
    for each in ('value="18446744073709551615"', SHOWN, 'value="64"', 'id="restored"'):
        assert each in form
    assert "<script>alert" not in form
    given = {"csrf": hidden(form, "csrf"), "once": hidden(form, "once"), **fields}
    assert "?work=" in visitor.post("/ui/create/image", given).url
    other = visitor.get(f"/ui/create/image?job={job}&seed=new").text
    assert SHOWN in other
    assert "18446744073709551615" not in other
    assert visitor.get("/ui/create/image?job=nothing").status_code == 404
    assert visitor.get(f"/ui/create/llm?job={job}").status_code == 404


def test_settings_of_an_engine_are_asked_for_sent_and_kept(visitor: Visitor) -> None:
    form = visitor.get("/ui/create/audio_tts?model=formant-synth").text
    assert "Settings of formant" in form
    assert "Semitones above the voice&#39;s own pitch. -12 to 12." in form
    said = {"model": "formant-synth", "text": "high", "ext": "wav", "option.pause": "0.25"}
    refused = visitor.create("audio_tts", {**said, "option.pitch": "13"})
    assert refused.status_code == 422
    assert 'id="option.pitch-wrong"' in refused.text
    assert "expected a number, -12 to 12" in refused.text
    page = visitor.made(visitor.create("audio_tts", {**said, "option.pitch": "3.5"}))
    assert "<dt>Pitch</dt><dd><span>3.5</span>" in page
    assert "<dt>Pause</dt>" not in page, "what is as usual is not said"
    job = eventually("it is there", lambda: listed(visitor, "?q=high&status=completed"))[0]
    again = visitor.get(f"/ui/create/audio_tts?job={job}").text
    assert 'name="option.pitch" value="3.5"' in again
    own = visitor.post(
        "/ui/create/audio_tts/fields",
        {"csrf": hidden(form, "csrf"), "model": "espeak-ng"},
        headers={"hx-request": "true"},
    ).text
    assert "Settings of" not in own
