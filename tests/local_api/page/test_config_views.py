"""The view Config of a real worker."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape

import pytest

from tests.local_api.page.browsing import Visitor, hidden
from tests.local_api.page.test_create import MARKUP
from tests.local_api.test_worker import LocalWorker, announced, command
from tests.support.waiting import eventually


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalWorker]:
    settings = "# kept by hand\nlocal_api_port = 0\nodd_key = 1\n"
    with LocalWorker(tmp_path_factory.mktemp("config") / "worker", settings) as worker:
        yield worker


@pytest.fixture
def at_home(worker: LocalWorker) -> Iterator[Visitor]:
    found = announced(worker)
    with Visitor(found["url"]) as visitor:
        yield visitor.sign_in(found["token"])


def form_of(page: str) -> dict[str, str]:
    """What a browser would send of the form as it stands."""
    form = page[page.index('action="/ui/config"') :]
    form = form[: form.index("</form>")]
    found = {}
    for tag in re.findall(r"<input [^>]*>", form):
        name, value = re.search(r' name="([^"]*)"', tag), re.search(r' value="([^"]*)"', tag)
        assert name, tag
        if "checkbox" not in tag or " checked" in tag:
            found[name[1]] = unescape(value[1]) if value else ""
    return found


def setting(worker: LocalWorker, key: str) -> str:
    return command(worker, "config", "get", key).stdout.strip()


def test_every_setting_is_shown_with_its_words_and_no_secret(
    at_home: Visitor, worker: LocalWorker
) -> None:
    page = at_home.get("/ui/config").text
    for each in ("Longest time for loading a model.", "Default: 600 s.", "limits.load_seconds"):
        assert each in page
    assert announced(worker)["token"] not in page
    assert "odd_key" in page, "a key that nobody knows is named"
    assert str(worker.config) in page


def test_what_is_changed_is_saved_and_the_rest_of_the_file_stays(
    at_home: Visitor, worker: LocalWorker
) -> None:
    form = form_of(at_home.get("/ui/config").text)
    before = worker.config.read_text("utf-8")
    same = at_home.post("/ui/config", form)
    assert "Nothing was changed" in same.text
    assert worker.config.read_text("utf-8") == before
    changed = {**form, "limits.load_seconds": "77,5", "api.aliases": "tts-1 = espeak-ng"}
    refused = at_home.post("/ui/config", changed)
    assert refused.status_code == 422
    assert "Loading a model: expected a number" in refused.text
    assert 'value="77,5"' in refused.text
    assert worker.config.read_text("utf-8") == before
    saved = at_home.post("/ui/config", {**changed, "limits.load_seconds": "77.5"})
    assert "Saved" in saved.text
    assert setting(worker, "limits.load_seconds") == "77.5"
    assert "espeak-ng" in setting(worker, "api.aliases")
    assert "# kept by hand" in worker.config.read_text("utf-8")
    back = {**form_of(saved.text), "limits.load_seconds": "", "only_when_idle": "yes"}
    at_home.post("/ui/config", back)
    assert setting(worker, "limits.load_seconds") == "600.0"
    assert setting(worker, "only_when_idle") == "true"
    again = form_of(at_home.get("/ui/config").text)
    del again["only_when_idle"]
    at_home.post("/ui/config", again)
    assert setting(worker, "only_when_idle") == "false"


def test_what_somebody_else_changed_meanwhile_stays(at_home: Visitor, worker: LocalWorker) -> None:
    form = form_of(at_home.get("/ui/config").text)
    assert command(worker, "config", "set", "outbox.max_gb", "7").returncode == 0
    at_home.post("/ui/config", {**form, "outbox.min_free_gb": "0.25"})
    assert setting(worker, "outbox.max_gb") == "7.0"
    assert setting(worker, "outbox.min_free_gb") == "0.25"


def test_wrong_values_are_said_all_at_once_and_as_text(at_home: Visitor) -> None:
    form = form_of(at_home.get("/ui/config").text)
    wrong = {
        **form,
        "api_base_url": "ftp://studio.example/",
        "vram_threshold_gb": MARKUP,
        "limits.keep_warm": "65",
    }
    page = at_home.post("/ui/config", wrong).text
    for key in ("api_base_url", "vram_threshold_gb", "limits.keep_warm"):
        assert f'id="{key}-wrong"' in page
    assert "<script>alert" not in page
    assert "nothing was changed" in page
    torn = at_home.post("/ui/config", {"csrf": form["csrf"], "limits.load_seconds": "7"})
    assert torn.status_code == 422
    assert "was not saved" in torn.text


def test_what_counts_from_the_next_start_on_is_said_until_then(
    at_home: Visitor, worker: LocalWorker
) -> None:
    page = at_home.get("/ui/config").text
    assert 'id="restart"' not in page
    saved = at_home.post("/ui/config", {**form_of(page), "api.listen_port": "4999"}).text
    shown = saved[saved.index('id="restart"') :]
    assert "api.listen_port" in shown[: shown.index("</section>")]
    assert worker.stop() == 0
    worker.start()
    found = announced(worker)
    with Visitor(found["url"]) as visitor:
        page = visitor.sign_in(found["token"]).get("/ui/config").text
        assert 'id="restart"' not in page
        assert hidden(page, "before").count('"api.listen_port": "4999"') == 1


def test_a_hand_edit_is_seen(at_home: Visitor, worker: LocalWorker) -> None:
    text = worker.config.read_text("utf-8")
    worker.config.write_text(f"{text}\n[inputs]\nseconds = 61\n", "utf-8")
    eventually("it is followed", lambda: 'value="61"' in at_home.get("/ui/config").text)
