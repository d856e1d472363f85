"""One window of a headless Chromium, and what is measured in it."""

from __future__ import annotations

import base64
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

from tests.support.waiting import eventually

T = TypeVar("T")

CHROMIUM = shutil.which("chromium")
DRIVER = shutil.which("chromedriver")
MISSING = ("tests of the page in a browser", "apt-get install -y chromium chromium-driver")
SHOTS = os.environ.get("STUDIO_WORKER_SHOTS")
"""A directory for pictures of what the tests saw; without it none are kept."""

_AXE = (Path(__file__).parent / "axe.min.js").read_text("utf-8")
_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--disable-sync",
    "--lang=en-US",
)


class Window:
    """A browser with an empty profile. A context manager.

    :param profile: an empty directory.
    """

    def __init__(self, profile: Path) -> None:
        assert CHROMIUM is not None
        assert DRIVER is not None
        options = webdriver.ChromeOptions()
        options.binary_location = CHROMIUM
        for flag in (*_FLAGS, f"--user-data-dir={profile}"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = webdriver.Chrome(options, webdriver.ChromeService(DRIVER))
        self.driver.set_page_load_timeout(120)
        self.driver.set_script_timeout(120)

    def __enter__(self) -> Window:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.driver.quit()

    def open(self, url: str) -> None:
        """Load a page; what an earlier one said is forgotten."""
        self._said()
        self.driver.get(url)

    def sized(self, width: int, height: int = 800) -> None:
        """Give the window that size in pixels."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)

    def themed(self, theme: str) -> None:
        """Show the page as ``light`` or ``dark``."""
        self.run(
            "document.documentElement.dataset.theme = arguments[0];"
            "document.getAnimations().forEach(each => {"
            " if (each instanceof CSSTransition) each.finish(); })",
            theme,
        )

    def run(self, script: str, *arguments: Any) -> Any:
        """Run a script in the page; what it returns."""
        return self.driver.execute_script(script, *arguments)

    def find(self, selector: str) -> WebElement:
        """The first element that fits, once there is one."""
        return self.until(
            selector, lambda: next(iter(self.driver.find_elements(By.CSS_SELECTOR, selector)), None)
        )

    def has(self, selector: str) -> bool:
        """Whether an element fits now."""
        return bool(self.driver.find_elements(By.CSS_SELECTOR, selector))

    def until(self, what: str, probe: Callable[[], T | None]) -> T:
        """Wait for a fact; elements that are replaced meanwhile are looked for again."""

        def patient() -> T | None:
            try:
                return probe()
            except StaleElementReferenceException:
                return None

        return eventually(what, patient, timeout=120)

    def text(self, selector: str) -> str:
        """The text that is shown there, once there is something."""
        script = "return document.querySelector(arguments[0])?.innerText"
        return self.until(f"text in {selector}", lambda: str(self.run(script, selector) or ""))

    def typed(self, selector: str, text: str) -> None:
        """Put the text into a field, instead of what is there."""
        field = self.find(selector)
        field.clear()
        field.send_keys(text)

    def click(self, selector: str) -> None:
        """Click what fits, once it is there."""
        self.find(selector)
        self.run("document.querySelector(arguments[0]).click()", selector)

    def press(self, *keys: str) -> None:
        """Press keys where the focus is."""
        self.driver.switch_to.active_element.send_keys(*keys)

    def tab_to(self, selector: str, most: int = 80) -> None:
        """Reach an element by the Tab key alone; each stop on the way shows its focus."""
        for _ in range(most):
            self.press(Keys.TAB)
            is_there, is_seen = self.run(
                "const it = document.activeElement; const look = getComputedStyle(it);"
                "return [it.matches(arguments[0]), it === document.body || "
                "(look.outlineStyle !== 'none' && look.outlineWidth !== '0px')]",
                selector,
            )
            assert is_seen, "the focus is not to be seen"
            if is_there:
                return
        raise AssertionError(f"{selector} is not reached by {most} tabs")

    def violations(self) -> list[str]:
        """What axe finds wrong with the page, as it is now."""
        if not self.run("return Boolean(window.axe)"):
            self.run(_AXE)
        found = self.driver.execute_async_script(
            "const done = arguments[0];"
            "axe.run(document, {resultTypes: ['violations']}).then("
            "r => done(r.violations.map(v => v.id + ': ' + v.help + ' at ' +"
            " v.nodes.map(n => n.target + ' ' + n.failureSummary).join(' | '))),"
            "e => done(['axe itself: ' + e]));"
        )
        return [str(each) for each in found]

    def shift(self) -> float:
        """The cumulative layout shift so far."""
        return float(
            self.driver.execute_async_script(
                "const done = arguments[0]; let sum = 0;"
                "new PerformanceObserver(list => { for (const e of list.getEntries())"
                " if (!e.hadRecentInput) sum += e.value; })"
                ".observe({type: 'layout-shift', buffered: true});"
                "requestAnimationFrame(() => requestAnimationFrame(() => done(sum)));"
            )
        )

    def weight(self) -> int:
        """Bytes over the wire of the page and what it loaded."""
        return int(
            self.run(
                "return [...performance.getEntriesByType('navigation'),"
                " ...performance.getEntriesByType('resource')]"
                ".reduce((sum, e) => sum + e.transferSize, 0)"
            )
        )

    def overflow(self) -> int:
        """Pixels that the page is wider than the window."""
        return int(self.run("return document.documentElement.scrollWidth - window.innerWidth"))

    def complaints(self) -> list[str]:
        """What the browser complained of since the page was opened: errors of scripts, breaches
        of the policy, what could not be loaded."""
        return [
            str(each["message"]) for each in self._said() if each["level"] in ("SEVERE", "WARNING")
        ]

    def _said(self) -> list[dict[str, Any]]:
        said: list[dict[str, Any]] = self.driver.execute("getLog", {"type": "browser"})["value"]
        return said

    def shot(self, name: str) -> None:
        """Keep a picture of the whole page, if pictures are wanted."""
        if SHOTS:
            asked = {"captureBeyondViewport": True, "format": "png"}
            taken = self.driver.execute_cdp_cmd("Page.captureScreenshot", asked)
            Path(SHOTS, f"{name}.png").write_bytes(base64.b64decode(taken["data"]))
