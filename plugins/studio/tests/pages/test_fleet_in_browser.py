"""Overview, Pending and Workers in a browser."""

from __future__ import annotations

from selenium.webdriver.common.keys import Keys

from plugins.studio.tests.pages.looking import MOST_BYTES, MOST_SHIFT, examined
from plugins.studio.tests.support.field_worker import CAPABILITIES
from plugins.studio.tests.support.studio_in_thread import Holding, StudioInThread
from tests.browser.window import Window

LONG = "a-very-long-name-of-a-model-that-nobody-would-choose-" * 4


def open_view(window: Window, studio: StudioInThread, view: str) -> None:
    window.open(f"{studio.url}graphics/ui/{view}")
    window.find(".bar dl")


def test_an_empty_studio_can_be_read_by_everybody(window: Window, studio: StudioInThread) -> None:
    for view in ("overview", "pending", "workers"):
        open_view(window, studio, view)
        assert window.weight() <= MOST_BYTES
        assert window.shift() <= MOST_SHIFT
        examined(window, f"{view}-empty")
        assert not window.complaints()


def test_signing_in_can_be_read_by_everybody(browser: Window, studio: StudioInThread) -> None:
    browser.sized(1280)
    browser.driver.delete_all_cookies()
    browser.open(f"{studio.url}graphics/ui/sign-in")
    examined(browser, "sign-in")
    browser.typed("#token", "nonsense")
    browser.press(Keys.ENTER)
    browser.find("[role=alert]")
    examined(browser, "sign-in-wrong")


def test_a_busy_fleet_can_be_read_by_everybody(window: Window, holding: Holding) -> None:
    studio, worker = holding.studio, holding.worker
    studio.ask("two", "cd" * 32, capabilities={**CAPABILITIES, "supportedModels": [LONG]})
    failing = studio.submit(maxAttempts=1)
    waiting = studio.submit({"kind": "mesh", "imageUrl": "https://example.com/a.png"})
    assert worker.complete(holding.job_id).ok
    worker.take_offer()
    worker.send("fail", jobId=failing, error="no memory: " + LONG, retryable=False)
    worker.expect("failAck")
    studio.wait_state(failing, "failed")
    studio.submit()
    current = worker.take_offer()
    worker.send("progress", jobId=current, fraction=0.4, message="step 4 of 10")
    worker.heartbeat(current)
    assert studio.job(waiting)["state"] == "queued"
    for view in ("overview", "pending", "workers", f"workers/{worker.worker_id}"):
        open_view(window, studio, view)
        assert window.shift() <= MOST_SHIFT
        examined(window, view.partition("/")[0] + ("-one" if "/" in view else ""))
        assert not window.complaints()
    open_view(window, studio, f"workers/{worker.worker_id}/delete")
    examined(window, "worker-delete")


def test_what_happens_is_seen_without_a_reload(window: Window, holding: Holding) -> None:
    studio, worker = holding.studio, holding.worker
    open_view(window, studio, f"workers/{worker.worker_id}")
    worker.send("progress", jobId=holding.job_id, fraction=0.25, message="quarter")
    window.until("the progress", lambda: "25 %" in window.text("#worker"))
    worker.socket.close()
    window.until("it is away", lambda: "Away" in window.text("#worker"))
    open_view(window, studio, "overview")
    studio.submit({"kind": "llm", "messages": [{"role": "user", "content": "hello"}]})
    window.until("the queue", lambda: "Chat" in window.text("#overview"))
    assert not window.complaints()


def test_a_machine_is_let_in_by_the_keyboard_alone(window: Window, studio: StudioInThread) -> None:
    open_view(window, studio, "pending")
    request_id = studio.ask("two", "cd" * 32).json()["requestId"]
    window.find("section.ask")
    window.tab_to(f"form[action$='{request_id}/approve'] button")
    window.press(Keys.ENTER)
    window.until("nobody waits", lambda: "Nobody waits" in window.text("#pending"))
    assert studio.poll(request_id, "cd" * 32).json()["status"] == "approved"
    window.driver.back()
    window.find(".bar dl")
    assert window.has(".rail"), "a whole page, not a part of one"


def test_a_session_that_ended_is_said_and_nothing_else_happens(
    window: Window, studio: StudioInThread
) -> None:
    open_view(window, studio, "workers")
    window.driver.delete_all_cookies()
    studio.submit()
    window.until("it is said", lambda: "signed out" in window.text("#notice"))
    assert window.has("#workers"), "no sign-in page inside the page"
