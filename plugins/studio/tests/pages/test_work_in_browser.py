"""Queue, jobs, Create, Gallery, Models and Logs in a browser."""

from __future__ import annotations

import pytest
from selenium.webdriver.common.keys import Keys

from plugins.studio.tests.pages.looking import MOST_BYTES, MOST_SHIFT, examined
from plugins.studio.tests.pages.test_fleet_in_browser import LONG, open_view
from plugins.studio.tests.pages.test_job_views import picture
from plugins.studio.tests.support.studio_in_thread import CHAT, Holding, StudioInThread
from tests.browser.window import Window

VIEWS = ("queue", "gallery", "models", "logs")
KINDS = ("image", "video", "audio_tts", "audio_stt", "llm", "mesh")


def test_a_studio_without_work_can_be_read_by_everybody(
    window: Window, studio: StudioInThread
) -> None:
    for view in VIEWS:
        open_view(window, studio, view)
        assert window.weight() <= MOST_BYTES
        assert window.shift() <= MOST_SHIFT
        examined(window, f"{view}-empty")
        assert not window.complaints()


@pytest.mark.parametrize("kind", KINDS)
def test_each_form_can_be_read_by_everybody(
    window: Window, studio: StudioInThread, kind: str
) -> None:
    open_view(window, studio, f"create/{kind}")
    assert window.weight() <= MOST_BYTES
    assert window.shift() <= MOST_SHIFT
    examined(window, f"create-{kind}")
    assert not window.complaints()


def test_work_of_all_sorts_can_be_read_by_everybody(window: Window, holding: Holding) -> None:
    studio, worker, done = holding.studio, holding.worker, holding.job_id
    assert worker.complete(done, picture()).ok
    failing = studio.submit({"kind": "image", "prompt": LONG}, maxAttempts=1)
    worker.take_offer()
    worker.send("fail", jobId=failing, error="no memory: " + LONG, retryable=False)
    worker.expect("failAck")
    chat = studio.submit(CHAT)
    worker.take_offer()
    worker.send("completeJson", jobId=chat, result={"text": "words " * 200})
    worker.expect("completeAck")
    running = studio.submit()
    worker.take_offer()
    worker.send("progress", jobId=running, fraction=0.4, message="step 4 of 10")
    entry = {"ts": "2026-01-01T00:00:00Z", "level": "warn", "category": "engine"}
    entries = [{**entry, "message": text, "jobId": running} for text in ("short", LONG * 3)]
    worker.send("logBatch", entries=entries)
    worker.heartbeat(running)
    waiting = studio.submit(CHAT)
    jobs = {"done": done, "failed": failing, "chat": chat, "running": running, "waits": waiting}
    for view in VIEWS:
        open_view(window, studio, view)
        assert window.shift() <= MOST_SHIFT
        examined(window, view)
        assert not window.complaints()
    for name, job_id in jobs.items():
        open_view(window, studio, f"jobs/{job_id}")
        assert window.shift() <= MOST_SHIFT
        examined(window, f"job-{name}")
        assert not window.complaints()


def test_a_job_is_made_followed_and_seen_by_the_keyboard(
    window: Window, studio: StudioInThread
) -> None:
    worker = studio.new_worker()
    with worker.session():
        open_view(window, studio, "create/image")
        window.typed("[name=prompt]", "a calm sea")
        window.run("document.querySelector('#f-model').value = 'synthetic'")
        window.tab_to("#create button.main")
        window.press(Keys.ENTER)
        job_id = worker.take_offer()
        window.until("it is under way", lambda: job_id in window.driver.current_url)
        worker.send("progress", jobId=job_id, fraction=0.25, message="quarter")
        window.until("the progress", lambda: "25 %" in window.text("main"))
        assert worker.complete(job_id, picture()).ok
        window.until("the picture", lambda: window.has("main img"))
    open_view(window, studio, "gallery")
    window.find(f"a[href$='{job_id}']")
    window.click(f"a[href$='{job_id}']")
    window.until("its page", lambda: window.driver.current_url.endswith(job_id))
    window.driver.back()
    window.until("the gallery", lambda: window.driver.current_url.endswith("gallery"))
    assert window.has(".rail"), "a whole page, not a part of one"
    assert not window.complaints()


def test_the_queue_is_live(window: Window, studio: StudioInThread) -> None:
    open_view(window, studio, "queue")
    job_id = studio.submit()
    window.until(
        "the new job", lambda: "1 new" in window.text("main") or window.has(f"#j-{job_id}")
    )
    open_view(window, studio, "queue")
    window.find(f"#j-{job_id}")
    studio.call("POST", f"/jobs/{job_id}/cancel")
    window.until("it is cancelled", lambda: "Cancelled" in window.text(f"#j-{job_id}"))
    assert not window.complaints()
