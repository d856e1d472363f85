"""The view Jobs, over a real journal."""

from __future__ import annotations

import re

from tests.local_api.page.browsing import Visitor, link
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
