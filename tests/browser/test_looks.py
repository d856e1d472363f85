"""Every view, in both themes and at three widths: readable, reachable, still, light."""

from __future__ import annotations

import pytest

from tests.browser.test_create import chosen, send, small
from tests.browser.window import Window
from tests.local_api.served_here import ServedHere

WIDTHS = (360, 800, 1280)
VIEWS = ("create/image", "create/video", "create/audio_tts", "create/audio_stt", "create/llm")
MOST_BYTES = 100_000
MOST_SHIFT = 0.02


def examined(window: Window, name: str) -> None:
    """Look at the page as it is, in both themes and at every width."""
    window.run("document.querySelectorAll('details').forEach(d => d.open = true)")
    for width in WIDTHS:
        window.sized(width)
        assert window.overflow() <= 0, f"{name} scrolls sideways at {width} px"
        for theme in ("light", "dark"):
            window.themed(theme)
            found = window.violations()
            assert not found, f"{name}, {theme}, {width} px: {found}"
            window.shot(f"{name.replace('/', '-')}-{theme}-{width}")


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_can_be_read_and_reached_by_everybody(
    window: Window, here: ServedHere, view: str
) -> None:
    window.open(f"{here.url}/ui/{view}")
    window.find(".bar .state")
    examined(window, view)
    assert not window.complaints()


def test_results_and_failures_can_be_read_by_everybody(window: Window, here: ServedHere) -> None:
    window.open(f"{here.url}/ui/create/image")
    chosen(window, "procedural")
    window.typed("#f-prompt", "a lake")
    send(window)
    examined(window, "picture")
    window.sized(1280)
    window.open(f"{here.url}/ui/create/audio_tts")
    window.typed("#f-text", "hello")
    send(window)
    examined(window, "speech")
    window.sized(1280)
    window.open(f"{here.url}/ui/create/llm")
    window.typed("#f-message", "hello")
    send(window)
    examined(window, "chat")
    window.sized(1280)
    window.open(f"{here.url}/ui/create/image")
    window.typed("#f-prompt", "x")
    window.typed("#f-width", "0")
    window.click("form[data-draft] button.main")
    window.find("#complaints")
    examined(window, "complaints")
    window.open(f"{here.url}/ui/nothing")
    examined(window, "nothing")


def test_the_list_of_jobs_and_a_job_can_be_read_by_everybody(
    window: Window, here: ServedHere
) -> None:
    window.open(f"{here.url}/ui/create/audio_tts")
    window.typed("#f-text", "hello")
    send(window)
    window.open(f"{here.url}/ui/jobs")
    window.find(".job")
    examined(window, "jobs")
    window.open(window.find(".job").get_attribute("href") or "")
    window.find("dl.facts")
    examined(window, "job")
    window.sized(1280)
    window.click("#again")
    window.find("#restored")
    examined(window, "again")
    window.open(f"{here.url}/ui/jobs?q=nothing+like+it")
    examined(window, "jobs-none")


def test_the_settings_of_an_engine_can_be_read_by_everybody(
    window: Window, here: ServedHere
) -> None:
    window.open(f"{here.url}/ui/create/audio_tts")
    chosen(window, "formant-synth")
    window.find("#own")
    window.typed("#f-text", "hello")
    window.run("document.querySelector('#own').open = true")
    window.typed("[id='f-option.pitch']", "13")
    window.click("form[data-draft] button.main")
    window.find("[id='option.pitch-wrong']")
    examined(window, "engine-settings")
    assert window.shift() <= MOST_SHIFT
    window.sized(1280)
    chosen(window, "espeak-ng")
    window.until("they go with their engine", lambda: not window.has("#own"))


def test_signing_in_can_be_read_by_everybody(browser: Window, here: ServedHere) -> None:
    browser.open(f"{here.url}/ui/sign-in")
    examined(browser, "sign-in")


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("view", VIEWS)
def test_a_view_is_light_and_stands_still(
    window: Window, here: ServedHere, view: str, width: int
) -> None:
    window.sized(width)
    window.driver.execute_cdp_cmd("Network.clearBrowserCache", {})
    window.open(f"{here.url}/ui/{view}")
    window.find(".bar .state")
    weight, shift = window.weight(), window.shift()
    print(f"{view} at {width} px: {weight} bytes, shift {shift:.4f}")
    assert weight <= MOST_BYTES
    assert shift <= MOST_SHIFT


def test_a_job_that_goes_on_moves_nothing(window: Window, here: ServedHere) -> None:
    window.open(f"{here.url}/ui/create/image")
    chosen(window, "procedural")
    window.typed("#f-prompt", "a lake")
    small(window)
    send(window)
    shift = window.shift()
    print(f"a whole job: shift {shift:.4f}")
    assert shift <= MOST_SHIFT


def test_the_theme_that_was_chosen_is_there_from_the_first_byte(
    window: Window, here: ServedHere
) -> None:
    window.open(f"{here.url}/ui/create/image")
    window.click("button[name=theme][value=dark]")
    root = "html[data-theme=dark]"
    window.find(root)
    window.driver.refresh()
    window.find(root)
    assert window.driver.current_url.endswith("/ui/create/image")
    window.click("button[name=theme][value=system]")
    window.find("html[data-theme=system]")
