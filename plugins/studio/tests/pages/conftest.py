from __future__ import annotations

from collections.abc import Iterator

import pytest

from plugins.studio.tests.pages.browsing import Visitor
from plugins.studio.tests.support.studio_in_thread import StudioInThread
from tests.browser.window import CHROMIUM, DRIVER, MISSING, Window
from tests.support.left_out import leave_out


@pytest.fixture
def stranger(studio: StudioInThread) -> Iterator[Visitor]:
    with Visitor(studio) as visitor:
        yield visitor


@pytest.fixture
def visitor(studio: StudioInThread) -> Iterator[Visitor]:
    with Visitor(studio) as visitor:
        yield visitor.sign_in()


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Window]:
    if CHROMIUM is None or DRIVER is None:
        leave_out(*MISSING)
    with Window(tmp_path_factory.mktemp("profile")) as window:
        yield window


@pytest.fixture
def window(browser: Window, studio: StudioInThread) -> Window:
    """Signed in by the form, in a wide window, with nothing kept from other tests."""
    browser.sized(1280)
    browser.open(f"{studio.url}graphics")
    browser.run("localStorage.clear()")
    browser.typed("#token", studio.token)
    browser.click("form button.main")
    browser.find(".rail")
    return browser
