"""The views Worker and Logs of a real worker."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from studio_worker_core.local_api.page.worker_views import chosen, shown_line, weight
from studio_worker_core.wire.frames import LogEntry
from tests.local_api.page.browsing import Visitor
from tests.local_api.test_worker import LocalWorker, announced


@pytest.fixture(scope="module")
def at_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visitor]:
    with LocalWorker(tmp_path_factory.mktemp("views") / "worker") as worker:
        found = announced(worker)
        with Visitor(found["url"]) as visitor:
            yield visitor.sign_in(found["token"])


def test_the_worker_is_shown_paused_and_resumed(at_home: Visitor) -> None:
    page = at_home.get("/ui/worker").text
    for each in ("State", "Studio", "Hardware", "About", at_home.url):
        assert each in page
    csrf = at_home.csrf()
    paused = at_home.post("/ui/pause", {"csrf": csrf, "paused": "yes"})
    assert "Resume" in paused.text
    assert "Paused" in at_home.get("/ui/bar").text
    assert "Resume" not in at_home.post("/ui/pause", {"csrf": csrf, "paused": "no"}).text
    for came_from, to in [
        (f"{at_home.url}/ui/logs?q=x", "/ui/logs"),
        ("http://evil.example/ui/logs", "/ui/worker"),
        (f"{at_home.url}/v1/models", "/ui/worker"),
    ]:
        back = at_home.post(
            "/ui/pause",
            {"csrf": csrf, "paused": "no"},
            headers={"referer": came_from},
            allow_redirects=False,
        )
        assert back.headers["location"] == to
    part = at_home.get("/ui/worker", headers={"hx-request": "true"}).text
    assert "<html" not in part
    refused = at_home.post("/ui/registration/reset", {"csrf": csrf})
    assert refused.status_code == 409, "nobody rejected it"
    assert "Something is wrong" in refused.text


def test_the_log_is_shown_filtered_continued_and_saved(at_home: Visitor) -> None:
    page = at_home.get("/ui/logs").text
    assert "the local API is at" in page
    assert "No line of the log fits" in at_home.get("/ui/logs?q=no+such+text").text
    assert "the local API is at" not in at_home.get("/ui/logs?level=error").text
    after = at_home.get("/ui/logs?after=0", headers={"hx-request": "true"}).text
    assert "<html" not in after
    assert "after=" in after
    saved = at_home.get("/ui/logs/download")
    assert saved.headers["content-disposition"].startswith("attachment")
    assert "the local API is at" in saved.text
    assert at_home.get("/ui/logs?after=1e9&level=%00&q=%3Cb%3E").ok


def test_a_line_is_text_of_a_bounded_length_and_has_a_level() -> None:
    long = LogEntry("2026-01-01T00:00:00Z", "WARNING", "a", "x" * 60_000)
    shown = shown_line(long)
    assert (shown["level"], shown["message"][-18:]) == ("warn", "(60000 characters)")
    assert len(shown["message"]) < 5_000
    assert chosen([long], "error", "") == []
    assert chosen([long], "", "XX") == [long]
    assert weight("nonsense") == weight("info")
