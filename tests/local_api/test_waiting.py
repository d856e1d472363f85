"""Clients that wait, that leave, that come too many; and a server that nobody asks."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import requests

from studio_worker_core.jobs.job import Job, Source, StopReason
from studio_worker_core.jobs.slots import Permit
from studio_worker_core.local_api.api import Names
from studio_worker_core.local_api.listening import LocalServer, bind, url_of
from studio_worker_core.wire.models import ModelSource
from studio_worker_core.wire.tasks import ImageTask
from studio_worker_core.worker.local_source import MOST_WAITING
from tests.local_api.served_here import TOKEN, ServedHere
from tests.support.waiting import eventually

SIGNED = {"Authorization": f"Bearer {TOKEN}"}
LONG = {"prompt": "x", "model": "synthetic-video", "seconds": 60, "width": 1024, "height": 1024}


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[ServedHere]:
    with ServedHere(tmp_path, Names()) as served:
        yield served


def begun(here: ServedHere, body: Mapping[str, object], path: str = "/video") -> socket.socket:
    """A request that is sent and not waited for."""
    connection = http.client.HTTPConnection("127.0.0.1", here.listener.getsockname()[1])
    connection.request("POST", path, json.dumps(body), SIGNED)
    assert connection.sock is not None
    return connection.sock


def busy_with(here: ServedHere) -> Permit:
    job = Job(
        "other", Source.STUDIO, model="m", task=ImageTask("x"), model_source=ModelSource("none")
    )
    permit = here.slots.try_acquire(job)
    assert permit is not None
    return permit


def test_a_client_that_leaves_ends_its_job(alone: ServedHere) -> None:
    client = begun(alone, LONG)
    eventually("the job runs", lambda: alone.watcher.started_jobs)
    client.close()
    eventually("the job is stopped", lambda: alone.watcher.stopped)
    assert alone.watcher.stopped == [StopReason.CANCELLED]
    assert alone.slots.wait_idle(60)


def test_a_deadline_ends_a_job(alone: ServedHere) -> None:
    with busy_with(alone):
        chat = {"messages": [{"role": "user", "content": "hi"}], "deadline_ms": 50}
        answer = requests.post(
            f"{alone.url}/v1/chat/completions", json=chat, headers=SIGNED, timeout=60
        )
        assert answer.status_code == 504
        assert answer.json()["error"]["message"] == "deadline passed"
    assert alone.watcher.started_jobs == []


def test_a_local_job_waits_for_one_of_the_studio(alone: ServedHere) -> None:
    answers: list[int] = []

    def ask() -> None:
        body = {"text": "hi", "model": "synthetic-tts"}
        answer = requests.post(f"{alone.url}/tts", json=body, headers=SIGNED, timeout=120)
        answers.append(answer.status_code)

    asking = threading.Thread(target=ask)
    with busy_with(alone):
        asking.start()
        eventually("it waits", lambda: alone.source.waiting == 1)
        assert answers == []
    asking.join(120)
    assert answers == [200]


def test_too_many_are_told_to_come_back_and_a_place_is_free_again(alone: ServedHere) -> None:
    body = {"text": "hi", "model": "synthetic-tts"}
    with busy_with(alone):
        clients = [begun(alone, body, "/tts") for _ in range(MOST_WAITING)]
        eventually("all wait", lambda: alone.source.waiting == MOST_WAITING)
        refused = requests.post(f"{alone.url}/tts", json=body, headers=SIGNED, timeout=60)
        assert refused.status_code == 503
        assert int(refused.headers["retry-after"]) > 0
        clients.pop().close()
        eventually("one less waits", lambda: alone.source.waiting == MOST_WAITING - 1)
        for client in clients:
            client.close()
        eventually("none waits", lambda: alone.source.waiting == 0)
    assert alone.watcher.started_jobs == []


def test_a_job_that_is_refused_leaves_nothing_on_the_disk(
    alone: ServedHere, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    alone.source.close()
    body = {"text": "hi", "model": "synthetic-tts"}
    refused = requests.post(f"{alone.url}/tts", json=body, headers=SIGNED, timeout=60)
    assert refused.status_code == 503
    assert list(place.iterdir()) == []


@pytest.mark.parametrize(
    ("path", "size"), [("/tts", 2 << 20), ("/image", 65 << 20), ("/v1/audio/speech", 2 << 20)]
)
def test_a_body_beyond_its_bound_is_refused_before_it_is_read(
    alone: ServedHere, path: str, size: int
) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", alone.listener.getsockname()[1])
    connection.putrequest("POST", path)
    for name, value in {**SIGNED, "Content-Length": str(size)}.items():
        connection.putheader(name, value)
    connection.endheaders(b"{")
    assert connection.getresponse().status == 413
    connection.close()


def test_a_body_that_grows_beyond_its_bound_is_cut(alone: ServedHere) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(40):
            yield b"x" * (1 << 16)

    answer = requests.post(f"{alone.url}/tts", data=endless(), headers=SIGNED, timeout=60)
    assert answer.status_code == 413


def test_a_worker_whose_api_nobody_asks_loads_no_server_and_ends_at_once() -> None:
    script = (
        "import sys, threading\n"
        "import studio_worker_core.worker.worker\n"
        "from studio_worker_core.local_api.listening import LocalServer, bind\n"
        "server = LocalServer(bind(0), lambda: None)\n"
        "thread = threading.Thread(target=server.run)\n"
        "thread.start()\n"
        "server.stop()\n"
        "thread.join()\n"
        "print([name for name in ('starlette', 'uvicorn', 'asyncio') if name in sys.modules])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "[]"


def test_a_port_that_is_taken_gives_way_to_a_free_one() -> None:
    with bind(0) as first, bind(first.getsockname()[1]) as second:
        assert url_of(first) != url_of(second)
        assert url_of(second).startswith("http://127.0.0.1:")


def test_a_server_that_is_stopped_first_never_starts() -> None:
    server = LocalServer(bind(0), lambda: pytest.fail("it was loaded"))
    server.stop()
    server.run()
