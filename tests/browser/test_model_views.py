"""Models of a real worker, in a browser: live, by keyboard, readable."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.browser.test_looks import MOST_BYTES, MOST_SHIFT, WIDTHS, examined
from tests.browser.window import Window
from tests.downloads.file_server import Answer, FileServer, content, sha256
from tests.local_api.page.browsing import new_code
from tests.local_api.test_worker import LocalWorker, announced

MODEL = "[data-model=synthetic-image]"
LOAD = f"{MODEL} form[action*='/load'] button"
UNLOAD = f"{MODEL} form[action*='/unload'] button"


@pytest.fixture(scope="module")
def url(browser: Window, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with LocalWorker(tmp_path_factory.mktemp("worker") / "worker") as worker:
        found = announced(worker)
        said = new_code(found["url"], found["token"])
        browser.open(f"{said['url']}?code={said['code']}")
        yield found["url"]


@pytest.fixture
def server() -> Iterator[FileServer]:
    server = FileServer()
    yield server
    server.close()


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("view", ["models", "models/add"])
def test_a_view_is_light_and_stands_still(browser: Window, url: str, view: str, width: int) -> None:
    browser.sized(width)
    browser.driver.execute_cdp_cmd("Network.clearBrowserCache", {})
    browser.open(f"{url}/ui/{view}")
    browser.find(".bar .state")
    assert browser.weight() <= MOST_BYTES
    assert browser.shift() <= MOST_SHIFT
    assert not browser.complaints()


def test_a_model_is_loaded_and_unloaded_by_keyboard_and_the_view_follows(
    browser: Window, url: str
) -> None:
    browser.sized(1280)
    browser.open(f"{url}/ui/models")
    browser.tab_to(LOAD)
    browser.press("\ue007")
    browser.find(f"{MODEL}[data-phase=loaded]")
    browser.until("it is among what is in memory", lambda: browser.has(".held li"))
    browser.tab_to(UNLOAD)
    browser.press("\ue007")
    browser.find(f"{MODEL}[data-phase=unloaded]")
    browser.until("it is no more", lambda: not browser.has(".held li"))
    assert browser.shift() <= MOST_SHIFT
    assert not browser.complaints()


def test_every_state_can_be_read_by_everybody(
    browser: Window, url: str, server: FileServer
) -> None:
    data = content(4_000_000)
    server.serve("/large.bin", data, Answer(stalls_after=2_000_000))
    browser.sized(1280)
    browser.open(f"{url}/ui/models/add")
    examined(browser, "model-add")
    browser.sized(1280)
    browser.typed("#f-id", "fox-painter-xl")
    browser.typed("#f-name", "Fox painter XL")
    browser.typed("#f-files", f"model={server.url('/large.bin')}#sha256={sha256(data)}")
    browser.typed("#f-gpu", "-2")
    browser.click("form[data-draft] button.main")
    browser.find("#complaints")
    examined(browser, "model-add-complaints")
    browser.sized(1280)
    browser.typed("#f-gpu", "6.5")
    browser.typed("#f-about", "Paints foxes, and little else, in the light of an evening.")
    browser.run("document.querySelector('#f-kind').value = 'mesh'")
    browser.run("document.querySelector('#f-engine').value = 'synthetic'")
    browser.click("form[data-draft] button.main")
    mine = "[data-model=fox-painter-xl]"
    browser.click(f"{mine} form[action*='/pull'] button")
    browser.until("it goes on", lambda: "downloading" in browser.text(mine))
    browser.click(LOAD)
    browser.find(f"{MODEL}[data-phase=loaded]")
    examined(browser, "models")
    browser.sized(1280)
    browser.click(f"{mine} a[href*=remove]")
    browser.find("#remove")
    examined(browser, "model-remove")
    browser.open(f"{url}/ui/models?q=nothing+like+it")
    examined(browser, "models-none")
    browser.click("a[href='/ui/models']")
    browser.click(UNLOAD)
    browser.find(f"{MODEL}[data-phase=unloaded]")
