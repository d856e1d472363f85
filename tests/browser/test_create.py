"""Create, used in a browser: live, by keyboard, through errors and losses."""

from __future__ import annotations

from pathlib import Path

import pytest
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.select import Select

from tests.browser.window import Window
from tests.local_api.page.test_create import picture, sound
from tests.local_api.served_here import ServedHere

OVER = "#work[data-state=done], #work[data-state=failed], #work[data-state=cancelled]"
SEND = "form[data-draft] button.main"
MARKUP = "<img src=x onerror=\"document.title='owned'\"> & <script>1</script>"


def send(window: Window) -> None:
    window.click(SEND)
    window.find(OVER)
    state = window.find("#work").get_attribute("data-state")
    assert state == "done", window.text("#work")


def chosen(window: Window, name: str) -> None:
    """Choose a model, and wait for its fields."""
    if window.find("#f-model").get_attribute("value") == name:
        return
    window.run("document.querySelector('#of-model').dataset.old = 'yes'")
    Select(window.find("#f-model")).select_by_value(name)
    window.find("#of-model:not([data-old])")


def small(window: Window) -> None:
    for side in ("width", "height"):
        window.typed(f"#f-{side}", "64")


def test_a_picture_is_made_without_leaving_the_page(window: Window, here: ServedHere) -> None:
    window.open(f"{here.url}/ui/create/image")
    window.run("window.here = true")
    window.typed("#f-prompt", MARKUP)
    chosen(window, "procedural")
    assert window.find("#f-width").get_attribute("value") == "64", "the model's own size"
    send(window)
    assert window.run("return window.here"), "the page was not loaded anew"
    assert "?work=" in window.driver.current_url
    is_drawn = "const i = document.querySelector('.stage img'); return i && i.naturalWidth"
    window.until("the picture is shown", lambda: window.run(is_drawn) == 64)
    assert MARKUP in window.text(".prompt")
    window.until("the title tells", lambda: window.driver.title.startswith("Done"))
    window.until("it is said", lambda: "Done" in window.text("#said"))
    window.run("navigator.clipboard.writeText = async (text) => { window.copied = text; }")
    window.click("#work .copy")
    window.until("the seed is copied", lambda: str(window.run("return window.copied")).isdecimal())
    assert not window.complaints()
    window.driver.refresh()
    window.find("#work[data-state=done]")
    assert window.find("#f-prompt").get_attribute("value") == MARKUP, "a reload shows it again"


def test_every_other_kind_is_made_and_shown(
    window: Window, here: ServedHere, tmp_path: Path
) -> None:
    window.open(f"{here.url}/ui/create/audio_tts")
    window.typed("#f-text", "Good morning")
    send(window)
    ready = "return document.querySelector('audio').readyState >= 1"
    window.until("the sound can be played", lambda: window.run(ready))
    assert window.has("svg.wave")

    window.open(f"{here.url}/ui/create/video")
    chosen(window, "motion")
    window.typed("#f-prompt", "waves")
    window.typed("#f-seconds", "0.5")
    small(window)
    Select(window.find("#f-ext")).select_by_value("webm")
    send(window)
    ready = "return document.querySelector('video').readyState >= 1"
    window.until("the video can be played", lambda: window.run(ready))

    (tmp_path / "words.wav").write_bytes(sound())
    window.open(f"{here.url}/ui/create/audio_stt")
    window.find("#f-input").send_keys(str(tmp_path / "words.wav"))
    window.until("its name is shown", lambda: "words.wav" in window.text("[data-name]"))
    send(window)
    assert window.text("#answer")
    assert not window.find("pre.json").is_displayed(), "the whole answer is folded"

    window.open(f"{here.url}/ui/create/llm")
    window.typed("#f-message", MARKUP)
    send(window)
    window.click("a[href*='after=']")
    window.until("the talk so far", lambda: MARKUP in window.text(".talk"))
    window.typed("#f-message", "and then?")
    send(window)
    assert not window.complaints()


def test_it_is_used_by_keyboard_alone(window: Window, here: ServedHere) -> None:
    window.open(f"{here.url}/ui/create/image")
    window.press(Keys.TAB)
    assert "Skip" in window.driver.switch_to.active_element.text
    window.tab_to("#f-prompt")
    window.press("a lake")
    for side in ("width", "height"):
        window.tab_to(f"#f-{side}")
        window.press(Keys.CONTROL + "a")
        window.press("64")
    window.tab_to("summary")
    window.press(Keys.ENTER)
    window.tab_to("#f-seed")
    window.press("7")
    window.tab_to(SEND)
    window.press(Keys.ENTER)
    window.find("#work[data-state=done]")
    window.tab_to("#work a.button.main")
    name = window.driver.switch_to.active_element.get_attribute("download")
    assert name == "a-lake_7.webp"
    window.tab_to("#work form button")
    window.press(Keys.ENTER)
    window.find("#work[data-state=done]")


def test_what_is_wrong_has_the_focus_and_what_was_typed_stays(
    window: Window, here: ServedHere, tmp_path: Path
) -> None:
    (tmp_path / "photo.png").write_bytes(picture())
    window.open(f"{here.url}/ui/create/image")
    window.typed("#f-prompt", "keep me")
    window.typed("#f-width", "99999")
    window.run("document.querySelectorAll('details').forEach(d => d.open = true)")
    window.find("#f-init_image").send_keys(str(tmp_path / "photo.png"))
    window.click(SEND)
    window.find("#complaints")
    focus = "return document.activeElement.id"
    window.until("the summary has the focus", lambda: window.run(focus) == "complaints")
    assert "16384" in window.text("#complaints")
    assert window.find("#f-prompt").get_attribute("value") == "keep me"
    assert "photo.png" in window.text(".kept")
    assert window.find("#f-width").get_attribute("aria-invalid") == "true"
    chosen(window, "procedural")
    assert window.find("#f-width").get_attribute("value") == "64"
    assert window.find("#f-prompt").get_attribute("value") == "keep me"
    send(window)


def test_a_draft_survives_a_reload_and_the_end_of_the_session(
    window: Window, here: ServedHere
) -> None:
    window.open(f"{here.url}/ui/create/image")
    window.typed("#f-prompt", "a long thought")
    window.driver.refresh()
    field = "#f-prompt"
    window.until(
        "the draft is back",
        lambda: window.find(field).get_attribute("value") == "a long thought",
    )
    window.driver.delete_all_cookies()
    window.click(SEND)
    window.until("it is said", lambda: "signed out" in window.text("#notice"))
    assert window.find(field).get_attribute("value") == "a long thought"


def test_a_job_that_is_cancelled_says_so(window: Window, here: ServedHere) -> None:
    window.open(f"{here.url}/ui/create/video")
    chosen(window, "motion")
    window.typed("#f-prompt", "long")
    window.typed("#f-seconds", "60")
    window.click(SEND)
    window.find("#work[data-state=running]")
    window.until("the bar tells", lambda: "Working" in window.text(".bar"))
    window.click("#cancel")
    window.find("#work[data-state=cancelled]")
    window.until("the bar tells", lambda: "Ready" in window.text(".bar"))


def test_a_file_that_is_dropped_beside_its_field_changes_nothing(
    window: Window, here: ServedHere
) -> None:
    window.open(f"{here.url}/ui/create/audio_stt")
    drop = (
        "const data = new DataTransfer(); data.items.add(new File(['x'], 'a.wav'));"
        "const event = new DragEvent('drop',"
        " {dataTransfer: data, bubbles: true, cancelable: true});"
        "document.querySelector(arguments[0]).dispatchEvent(event);"
        "return event.defaultPrevented"
    )
    assert window.run(drop, "h1") is True
    assert window.run("return document.querySelector('#f-input').files.length") == 0
    assert window.run(drop, "[data-drop] label") is True
    assert window.run("return document.querySelector('#f-input').files[0].name") == "a.wav"


@pytest.mark.parametrize("width", [360, 1280])
def test_two_pages_of_one_browser_are_live(window: Window, here: ServedHere, width: int) -> None:
    driver = window.driver
    first = driver.current_window_handle
    for _ in range(8):
        driver.switch_to.new_window("tab")
        window.open(f"{here.url}/ui/create/image")
    try:
        window.sized(width)
        window.typed("#f-prompt", "the ninth page")
        small(window)
        send(window)
    finally:
        for handle in driver.window_handles:
            if handle != first:
                driver.switch_to.window(handle)
                driver.close()
        driver.switch_to.window(first)


def test_a_draft_of_another_model_brings_the_fields_of_its_engine(
    window: Window, here: ServedHere
) -> None:
    window.open(f"{here.url}/ui/create/audio_tts")
    chosen(window, "formant-synth")
    window.find("#own")
    window.run("document.querySelector('#own').open = true")
    window.typed("[id='f-option.pitch']", "2")
    window.driver.refresh()
    pitch = "return document.querySelector(\"[id='f-option.pitch']\")?.value"
    window.until("it is back", lambda: window.run(pitch) == "2")
    assert window.find("#f-model").get_attribute("value") == "formant-synth"
    assert not window.complaints()
