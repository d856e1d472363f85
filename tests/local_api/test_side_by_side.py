"""A studio and programs of this machine at one worker: slots, busy rules, memory."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
import requests

from studio_worker_core.local_api.discovery import NAME
from tests.local_api.test_worker import command
from tests.support.field import Field
from tests.support.processes import WorkerProcess
from tests.support.waiting import eventually

pytest.importorskip("studio_worker_studio", reason="the studio plugin is not installed")

LONG = {"prompt": "x", "seconds": 60, "width": 1024, "height": 1024}
"""A clip that takes far longer than any test lets it."""
SPEECH = {"text": "hi", "model": "synthetic-tts"}
SOURCE = {"engine": "synthetic", "files": []}


class Both:
    """The studio's operator, the worker, and a client of this machine."""

    def __init__(self, field: Field, worker: WorkerProcess) -> None:
        self.studio = field.operator
        self.worker = worker
        there = json.loads((worker.config.parent / NAME).read_text("utf-8"))
        self.url = there["url"]
        self._signed = {"authorization": f"Bearer {there['token']}"}

    def local(self, path: str, body: dict[str, Any]) -> requests.Response:
        return requests.post(f"{self.url}{path}", json=body, headers=self._signed, timeout=120)

    def seen(self, path: str) -> Any:
        """What the worker says of itself there."""
        return requests.get(f"{self.url}{path}", headers=self._signed, timeout=60).json()

    @contextmanager
    def kept(self, model: str) -> Iterator[None]:
        """The model is loaded to stay, for a while."""
        self.local(f"/models/{model}/load", {})
        eventually("it is loaded", lambda: self.seen(f"/models/{model}/state")["state"] == "loaded")
        yield
        self.local(f"/models/{model}/unload", {})
        eventually(
            "it is unloaded", lambda: self.seen(f"/models/{model}/state")["state"] == "unloaded"
        )

    @property
    def running(self) -> list[tuple[str, str]]:
        """Source and model of the jobs that run."""
        active = self.seen("/daemon/status")["activeJobs"]
        return [(each["source"], each["model"]) for each in active]

    def begin(self, path: str, body: dict[str, Any]) -> socket.socket:
        """Ask, and do not wait."""
        line = http.client.HTTPConnection("127.0.0.1", int(self.url.rpartition(":")[2]))
        line.request("POST", path, json.dumps(body), self._signed)
        assert line.sock is not None
        return line.sock

    def queue(self, task: dict[str, Any], model: str = "synthetic", **more: Any) -> str:
        return self.studio.submit(model, task, modelSource=SOURCE, **more)

    @property
    def is_busy(self) -> bool:
        busy: bool = requests.get(f"{self.url}/healthz", timeout=60).json()["busy"]
        return busy


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    with ExitStack() as stack:
        field = Field(tmp_path_factory.mktemp("both"), stack)
        field.start_studio()
        settings = "local_api_port = 0\nvram_threshold_gb = 4.0\n"
        yield Both(field, field.enrolled_worker(settings=settings))


def test_a_job_of_the_studio_waits_for_a_local_one(both: Both) -> None:
    with both.begin("/video", {**LONG, "model": "synthetic-video"}):
        eventually("the local job runs", lambda: both.is_busy)
        waiting = both.queue({"kind": "image", "prompt": "a", "width": 32, "height": 32})
        both.worker.wait_line(f"turned down job {waiting}: busy with a job of this machine")
        assert both.studio.job(waiting)["state"] in ("queued", "claimed"), "it is offered again"
    done = both.studio.wait_job(waiting)
    assert done["state"] == "done", "it was neither failed nor lost meanwhile"


def test_a_local_job_waits_for_one_of_the_studio(both: Both) -> None:
    running = both.queue({"kind": "video", **LONG, "ext": "webp"})
    both.studio.wait_job(running, "claimed", "running")
    eventually("it runs", lambda: both.is_busy)
    with both.begin("/tts", SPEECH) as client:
        assert both.studio.job(running)["state"] in ("claimed", "running")
        both.studio.call("POST", f"/jobs/{running}/cancel")
        answer = http.client.HTTPResponse(client)
        answer.begin()
        assert (answer.status, answer.headers["content-type"]) == (200, "audio/wav")
    assert both.studio.wait_job(running)["state"] == "cancelled"


def test_both_get_what_they_asked_for_in_turns(both: Both) -> None:
    queued = [
        both.queue({"kind": "image", "prompt": f"s{number}", "width": 32, "height": 32})
        for number in range(5)
    ]
    made = [
        both.local("/image", {"prompt": f"l{number}", "width": 32, "height": 32})
        for number in range(5)
    ]
    assert [each.status_code for each in made] == [200] * 5
    assert {both.studio.wait_job(each)["state"] for each in queued} == {"done"}
    eventually("nothing runs", lambda: not both.is_busy)


def test_a_job_beyond_this_machines_memory_is_not_taken_and_stops_nobody(both: Both) -> None:
    small = {"kind": "image", "prompt": "a", "width": 32, "height": 32}
    large = both.queue(small, vramGbEstimate=64.0)
    after = both.queue(small, vramGbEstimate=1.0)
    assert both.local("/tts", SPEECH).status_code == 200
    assert both.studio.wait_job(after)["state"] == "done"
    assert both.studio.job(large)["state"] == "queued", "another worker may have room for it"
    both.studio.call("POST", f"/jobs/{large}/cancel")


CHAT = {"model": "synthetic-llm", "messages": [{"role": "user", "content": "hi"}]}


def test_a_model_kept_loaded_answers_while_the_studios_job_runs(both: Both) -> None:
    with both.kept("synthetic-llm"):
        running = both.queue({"kind": "video", **LONG, "ext": "webp"})
        eventually("it runs", lambda: both.running == [("studio", "synthetic")])
        for _ in range(5):
            answer = both.local("/v1/chat/completions", CHAT)
            assert answer.status_code == 200
            assert answer.json()["choices"][0]["message"]["content"]
        assert both.running[0] == ("studio", "synthetic"), "it goes on all the while"
        both.studio.call("POST", f"/jobs/{running}/cancel")
        assert both.studio.wait_job(running)["state"] == "cancelled"


def test_both_are_shown_and_the_studio_has_one_job_at_a_time(both: Both) -> None:
    with both.kept("synthetic-video"):
        running = both.queue({"kind": "video", **LONG, "ext": "webp"})
        eventually("it runs", lambda: both.running == [("studio", "synthetic")])
        with both.begin("/video", {**LONG, "model": "synthetic-video"}):
            expected = [("studio", "synthetic"), ("local", "synthetic-video")]
            eventually("both run", lambda: both.running == expected)
            told = json.loads(command(both.worker, "status", "--json").stdout)["jobs"]
            assert [each["model"] for each in told] == ["synthetic", "synthetic-video"]
            waiting = both.queue({"kind": "image", "prompt": "a", "width": 32, "height": 32})
            assert both.studio.job(waiting)["state"] == "queued", "the slot is not free"
        eventually("the client's job has ended", lambda: both.running == expected[:1])
        both.studio.call("POST", f"/jobs/{running}/cancel")
        assert both.studio.wait_job(waiting)["state"] == "done"


def test_a_local_job_of_a_kept_model_leaves_the_slot_to_the_studio(both: Both) -> None:
    with both.kept("synthetic-video"):
        with both.begin("/video", {**LONG, "model": "synthetic-video"}):
            eventually("it runs", lambda: both.running == [("local", "synthetic-video")])
            done = both.queue({"kind": "image", "prompt": "a", "width": 32, "height": 32})
            assert both.studio.wait_job(done)["state"] == "done"
            same = both.queue({"kind": "video", **LONG, "ext": "webp"}, model="synthetic-video")
            both.worker.wait_line(f"turned down job {same}: busy with a job of this machine")
        both.studio.call("POST", f"/jobs/{same}/cancel")
        assert both.studio.wait_job(same)["state"] == "cancelled"
