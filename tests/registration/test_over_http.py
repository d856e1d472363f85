"""Registration over a real connection."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator

import pytest

from studio_worker_core.config import ConfigStore
from studio_worker_core.registration import (
    Approved,
    Pending,
)
from studio_worker_core.studio_client.http import StudioClient
from tests.registration.lines import Make
from tests.studio_client.servers import Answer, HttpServer, Seen


@pytest.fixture
def client(http_server: HttpServer) -> Iterator[StudioClient]:
    client = StudioClient(http_server.url)
    yield client
    client.close()


@pytest.fixture
def http_server() -> Iterator[HttpServer]:
    server = HttpServer()
    yield server
    server.close()


def test_over_http_only_the_hash_leaves_before_the_poll(
    make: Make, http_server: HttpServer, client: StudioClient, store: ConfigStore
) -> None:
    answers = [
        {"requestId": "rr-1", "status": "pending"},
        {"status": "pending"},
        {"status": "approved", "workerId": "w-1", "authToken": "tok"},
    ]
    http_server.respond = lambda _: Answer(200, json.dumps(answers.pop(0)).encode())
    store.update(api_base_url=client.base_url)
    registrar = make(client)
    registrar.tick()
    secret = store.config.registration_secret
    assert secret is not None
    assert [type(registrar.tick()) for _ in range(2)] == [Pending, Approved]
    ask, *polls = http_server.seen
    assert secret.reveal() not in repr(ask)
    assert json.loads(ask.body)["userAgent"].startswith("studio-worker/")
    assert [poll.headers["authorization"] for poll in polls] == [f"Bearer {secret.reveal()}"] * 2


def test_closing_the_client_ends_a_tick_in_flight(
    make: Make, http_server: HttpServer, client: StudioClient
) -> None:
    arrived, over, stop = threading.Event(), threading.Event(), threading.Event()

    def respond(_: Seen) -> Answer:
        arrived.set()
        over.wait(60)
        return Answer(204)

    http_server.respond = respond
    result: list[object] = []
    thread = threading.Thread(target=lambda: result.append(make(client).run(stop)))
    thread.start()
    try:
        assert arrived.wait(60)
        stop.set()
        client.close()
        thread.join(timeout=60)
        assert not thread.is_alive()
        assert result == [None]
    finally:
        over.set()
