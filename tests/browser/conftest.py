from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.browser.window import CHROMIUM, DRIVER, MISSING, Window
from tests.local_api.conftest import NAMES, SMALL
from tests.local_api.page.browsing import new_code
from tests.local_api.served_here import ServedHere
from tests.support.left_out import leave_out


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedHere]:
    if CHROMIUM is None or DRIVER is None:
        leave_out(*MISSING)
    with ServedHere(tmp_path_factory.mktemp("page"), NAMES, [SMALL]) as served:
        yield served


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Window]:
    if CHROMIUM is None or DRIVER is None:
        leave_out(*MISSING)
    with Window(tmp_path_factory.mktemp("profile")) as window:
        yield window


@pytest.fixture
def window(browser: Window, here: ServedHere) -> Window:
    """Signed in, in a wide window, with nothing kept from other tests."""
    browser.sized(1280)
    said = new_code(here.url)
    browser.open(f"{said['url']}?code={said['code']}")
    browser.run("localStorage.clear()")
    return browser
