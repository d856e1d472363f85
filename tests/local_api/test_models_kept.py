"""Models kept loaded, as programs and people on this machine see it: a real worker."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.local_api.test_worker import QUIET_PORT, LocalWorker, announced, command
from tests.support.waiting import eventually

SYNTHETIC = {"engine": "synthetic", "files": [], "cliDefaults": {"width": 64, "height": 64}}


class Asking:
    """A worker that runs, and its local API."""

    def __init__(self, worker: LocalWorker) -> None:
        self.worker = worker
        there = announced(worker)
        self._url, self._headers = there["url"], {"authorization": f"Bearer {there['token']}"}

    def ask(self, method: str, path: str, body: Any = None) -> requests.Response:
        url = self._url + path
        return requests.request(method, url, json=body, headers=self._headers, timeout=120)

    def state(self, model: str) -> dict[str, Any]:
        found: dict[str, Any] = self.ask("GET", f"/models/{model}/state").json()
        return found

    def until(self, model: str, state: str) -> dict[str, Any]:
        def there() -> dict[str, Any] | None:
            found = self.state(model)
            return found if found["state"] == state else None

        with self.worker.explained():
            return eventually(f"{model} is {state}", there)

    def unload(self, model: str) -> None:
        self.ask("POST", f"/models/{model}/unload")
        self.until(model, "unloaded")

    def wished(self) -> list[str]:
        path = self.worker.config.parent / "residency.json"
        resident: list[str] = json.loads(path.read_text("utf-8"))["resident"]
        return resident


@pytest.fixture(scope="module")
def asking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asking]:
    with LocalWorker(tmp_path_factory.mktemp("kept") / "worker") as worker:
        yield Asking(worker)


def test_a_model_is_loaded_shown_and_unloaded(asking: Asking) -> None:
    assert asking.state("synthetic-image")["state"] == "unloaded"
    answer = asking.ask("POST", "/models/synthetic-image/load")
    assert (answer.status_code, answer.json()["resident"]) == (202, True)
    asking.until("synthetic-image", "loaded")
    again = asking.ask("POST", "/models/synthetic-image/load")
    assert (again.status_code, again.json()["state"]) == (200, "loaded")
    shown = {each["id"]: each for each in asking.ask("GET", "/models").json()}
    model = shown["synthetic-image"]
    assert (model["state"], model["resident"], model["loadable"]) == ("loaded", True, True)
    assert (model["kind"], model["images"], model["source"]["engine"]) == (
        "image",
        False,
        "synthetic",
    )
    assert asking.wished() == ["synthetic-image"]
    answer = asking.ask("POST", "/models/synthetic-image/unload")
    assert (answer.status_code, answer.json()["resident"]) == (202, False)
    asking.until("synthetic-image", "unloaded")
    assert asking.ask("POST", "/models/synthetic-image/unload").status_code == 200
    assert asking.wished() == []


def test_an_entry_is_added_with_all_its_fields_and_removed(asking: Asking) -> None:
    entry = {
        "id": "org/chat:1",
        "displayName": "Chat",
        "kind": "llm",
        "vramGbEstimate": 0.5,
        "description": "What it is good for.",
        "exclusiveGroup": "chats",
        "origin": "seed",
        "source": {
            **SYNTHETIC,
            "files": [
                {"role": "mmproj", "url": "https://models.example/m.gguf", "filename": "m.gguf"}
            ],
        },
    }
    answer = asking.ask("POST", "/models", entry)
    assert (answer.status_code, answer.json()) == (200, {"ok": True})
    (shown,) = [each for each in asking.ask("GET", "/models").json() if each["id"] == entry["id"]]
    assert shown["origin"] == "local"
    for key in ("displayName", "description", "exclusiveGroup", "vramGbEstimate"):
        assert shown[key] == entry[key]
    assert shown["images"], "it has the file that pictures are read with"
    assert asking.ask("GET", "/models/org%2Fchat:1/state").json()["state"] == "unloaded"
    assert asking.ask("DELETE", "/models/org%2Fchat:1").json() == {"ok": True}
    gone = asking.ask("DELETE", "/models/org%2Fchat:1")
    assert (gone.status_code, gone.text) == (404, "no such model")


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"id": "bad"}, "source"),
        ({"id": "", "source": SYNTHETIC}, "id"),
        ([], "list"),
        ({"id": "x", "source": {**SYNTHETIC, "engine": ""}}, "engine"),
        (
            {
                "id": "x",
                "source": {
                    **SYNTHETIC,
                    "files": [{"role": "model", "url": "http://a.example/m", "filename": "m"}],
                },
            },
            "https",
        ),
    ],
)
def test_an_entry_that_cannot_be_used_is_refused(asking: Asking, entry: Any, said: str) -> None:
    answer = asking.ask("POST", "/models", entry)
    assert answer.status_code == 400
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.text.startswith("bad model: ")
    assert said in answer.text


def test_what_cannot_be_loaded_is_answered_with_a_word_for_programs(asking: Asking) -> None:
    off = {"id": "off", "displayName": "Off", "enabled": False, "source": SYNTHETIC}
    asking.ask("POST", "/models", off)
    for method, path, status, code in (
        ("GET", "/models/nope/state", 404, "unknown_model"),
        ("POST", "/models/nope/load", 404, "unknown_model"),
        ("POST", "/models/nope/unload", 404, "unknown_model"),
        ("POST", "/models/off/load", 400, "model_disabled"),
    ):
        answer = asking.ask(method, path)
        assert (answer.status_code, answer.json()["error"]) == (status, code)
        assert answer.json()["message"]


def test_what_does_not_fit_is_refused_with_its_sizes(asking: Asking) -> None:
    """Both a load and a job: more than any machine of ours takes is wanted."""
    large = {"id": "large", "displayName": "L", "vramGbEstimate": 4096, "source": SYNTHETIC}
    asking.ask("POST", "/models", large | {"kind": "image", "id": "synthetic"})
    try:
        for path, body in (
            ("/models/synthetic/load", None),
            ("/image", {"prompt": "a fox", "model": "synthetic"}),
        ):
            answer = asking.ask("POST", path, body)
            assert answer.status_code == 409
            found = answer.json()
            assert (found["error"], found["neededGib"]) == ("insufficient_memory", 4096.0)
            assert found["marginGib"] == 1.0
            assert found["freeGib"] < 4096
        openai = asking.ask(
            "POST", "/v1/images/generations", {"prompt": "a fox", "model": "synthetic"}
        )
        assert openai.status_code == 409
        assert openai.json()["error"]["code"] == "insufficient_memory"
    finally:
        asking.ask("DELETE", "/models/synthetic")


def test_the_commands_load_show_and_unload(asking: Asking) -> None:
    worker = asking.worker
    assert command(worker, "models", "ps").stdout.startswith("no model is loaded")
    done = command(worker, "models", "load", "synthetic-tt")
    assert done.stdout == "synthetic-tts is loaded, and is kept loaded\n", done.stderr
    (row,) = json.loads(command(worker, "models", "ps", "--json").stdout)
    assert (row["id"], row["state"], row["resident"]) == ("synthetic-tts", "loaded", True)
    assert "synthetic-tts" in command(worker, "models", "ps").stdout
    done = command(worker, "models", "unload", "synthetic-tts", "--json")
    found = json.loads(done.stdout)
    assert (found["state"], found["resident"]) == ("unloaded", False)
    unknown = command(worker, "models", "load", "nobodys")
    assert unknown.returncode == 1
    assert "no model 'nobodys'" in unknown.stderr


def test_a_load_that_fails_ends_the_command_with_the_reason(asking: Asking) -> None:
    nobodys = {"id": "nobodys", "source": {**SYNTHETIC, "engine": "nobodys"}}
    asking.ask("POST", "/models", nobodys)
    done = command(asking.worker, "models", "load", "nobodys")
    assert done.returncode == 1
    assert "engine 'nobodys' is not installed" in done.stderr
    assert "Traceback" not in done.stderr
    assert asking.state("nobodys")["resident"], "it is tried again at the next start"
    asking.ask("DELETE", "/models/nobodys")


def test_pausing_frees_the_memory_and_resuming_brings_back_what_is_kept(asking: Asking) -> None:
    worker = asking.worker
    asking.ask("POST", "/models/synthetic-image/load")
    asking.until("synthetic-image", "loaded")
    assert command(worker, "pause", "--unload").returncode == 0
    paused = asking.until("synthetic-image", "unloaded")
    assert paused["resident"]
    assert command(worker, "resume").returncode == 0
    asking.until("synthetic-image", "loaded")
    asking.unload("synthetic-image")


def test_what_is_kept_is_loaded_again_after_a_restart(tmp_path: Path) -> None:
    with LocalWorker(tmp_path / "worker", QUIET_PORT) as worker:
        before = Asking(worker)
        before.ask("POST", "/models/synthetic-image/load")
        before.until("synthetic-image", "loaded")
        worker.stop()
        assert before.wished() == ["synthetic-image"]
        none = command(worker, "models", "ps")
        assert none.returncode == 1
        assert "no worker runs" in none.stderr
        worker.start()
        assert Asking(worker).until("synthetic-image", "loaded")["resident"]


def test_a_job_has_the_kept_model_of_its_exclusive_group_make_way(asking: Asking) -> None:
    for model, kind in (("synthetic-llm", "llm"), ("synthetic-tts", "audio_tts")):
        entry = {"id": model, "kind": kind, "exclusiveGroup": "words", "source": SYNTHETIC}
        assert asking.ask("POST", "/models", entry).status_code == 200
    asking.ask("POST", "/models/synthetic-llm/load")
    asking.until("synthetic-llm", "loaded")
    assert asking.ask("POST", "/tts", {"text": "a", "model": "synthetic-tts"}).status_code == 200
    state = asking.until("synthetic-llm", "loaded")
    assert state["resident"], "it came back"
    asking.until("synthetic-tts", "unloaded")
    asking.unload("synthetic-llm")


def test_a_replaced_entry_has_its_loaded_model_loaded_again(asking: Asking) -> None:
    entry = {
        "id": "synthetic-video",
        "kind": "video",
        "source": {"engine": "synthetic", "files": []},
    }
    asking.ask("POST", "/models", entry)
    asking.ask("POST", "/models/synthetic-video/load")
    asking.until("synthetic-video", "loaded")
    asking.ask("POST", "/models", entry | {"source": SYNTHETIC})
    asking.worker.wait_line("synthetic-video is loaded again: its source has changed")
    asking.until("synthetic-video", "loaded")
    asking.unload("synthetic-video")
