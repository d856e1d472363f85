"""Worker and Logs of a real worker, in a browser."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.browser.test_looks import MOST_SHIFT, examined
from tests.browser.window import Window
from tests.local_api.page.browsing import new_code
from tests.local_api.test_worker import LocalWorker, announced


@pytest.fixture(scope="module")
def url(browser: Window, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with LocalWorker(tmp_path_factory.mktemp("worker") / "worker") as worker:
        found = announced(worker)
        said = new_code(found["url"], found["token"])
        browser.open(f"{said['url']}?code={said['code']}")
        yield found["url"]


def test_both_views_can_be_read_by_everybody(browser: Window, url: str) -> None:
    for view in ("worker", "logs"):
        browser.sized(1280)
        browser.open(f"{url}/ui/{view}")
        browser.find("[data-live=daemon]")
        assert browser.shift() <= MOST_SHIFT
        examined(browser, view)


def test_a_pause_is_seen_at_once_wherever_it_was_asked_for(browser: Window, url: str) -> None:
    browser.sized(1280)
    browser.open(f"{url}/ui/worker")
    browser.click("#bar-pause")
    browser.until("the card tells", lambda: "Resume" in browser.text("#pause"))
    browser.until("the bar tells", lambda: "Paused" in browser.text(".bar"))
    browser.click("#pause")
    browser.until("it goes on", lambda: "Pause" in browser.text("#pause"))
    assert not browser.complaints()


def test_new_lines_of_the_log_come_by_themselves(browser: Window, url: str) -> None:
    browser.open(f"{url}/ui/logs")
    browser.find("#log .line")
    count = "return document.querySelectorAll('#log .line').length"
    before = browser.run(count)
    browser.click("#bar-pause")
    browser.until("a line more", lambda: browser.run(count) > before)
    at_end = "const l = document.querySelector('#log');"
    at_end += "return l.scrollHeight - l.scrollTop - l.clientHeight < 24"
    browser.until("its end is in sight", lambda: browser.run(at_end))
    browser.click("#bar-pause")
