"""Config of a real worker, in a browser."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.browser.test_looks import MOST_BYTES, MOST_SHIFT, WIDTHS, examined
from tests.browser.window import Window
from tests.local_api.page.browsing import new_code
from tests.local_api.test_worker import LocalWorker, announced

LOAD_SECONDS = "[id='f-limits.load_seconds']"


@pytest.fixture(scope="module")
def url(browser: Window, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with LocalWorker(tmp_path_factory.mktemp("worker") / "worker") as worker:
        found = announced(worker)
        said = new_code(found["url"], found["token"])
        browser.open(f"{said['url']}?code={said['code']}")
        yield found["url"]


@pytest.mark.parametrize("width", WIDTHS)
def test_the_view_is_light_and_stands_still(browser: Window, url: str, width: int) -> None:
    browser.sized(width)
    browser.driver.execute_cdp_cmd("Network.clearBrowserCache", {})
    browser.open(f"{url}/ui/config")
    browser.find(".bar .state")
    assert browser.weight() <= MOST_BYTES
    assert browser.shift() <= MOST_SHIFT
    assert not browser.complaints()


def test_a_setting_is_changed_by_keyboard_and_survives_mistakes_and_reloads(
    browser: Window, url: str
) -> None:
    browser.sized(1280)
    browser.open(f"{url}/ui/config")
    browser.run("localStorage.clear()")
    browser.tab_to("#f-vram_threshold_gb")
    browser.typed("#f-vram_threshold_gb", "lots")
    browser.open(f"{url}/ui/config")
    field = browser.find("#f-vram_threshold_gb")
    assert field.get_attribute("value") == "lots", "what was typed survives a reload"
    browser.click("#save")
    browser.find("#complaints")
    assert browser.run("return document.activeElement.id") == "complaints"
    browser.typed("#f-vram_threshold_gb", "11.5")
    browser.press("\ue007")
    browser.find("#saved")
    assert browser.find("#f-vram_threshold_gb").get_attribute("value") == "11.5"
    browser.open(f"{url}/ui/config")
    browser.find("#f-vram_threshold_gb")
    assert browser.run("return Object.keys(localStorage).length") == 0, "a draft ends when saved"


def test_every_state_can_be_read_by_everybody(browser: Window, url: str) -> None:
    browser.sized(1280)
    browser.open(f"{url}/ui/config")
    browser.run("localStorage.clear()")
    examined(browser, "config")
    browser.sized(1280)
    browser.typed(LOAD_SECONDS, "-1")
    browser.click("#save")
    browser.find("#complaints")
    examined(browser, "config-complaints")
    browser.sized(1280)
    browser.typed(LOAD_SECONDS, "500")
    browser.typed("[id='f-api.listen_port']", "4999")
    browser.click("#save")
    browser.find("#restart")
    examined(browser, "config-restart")
