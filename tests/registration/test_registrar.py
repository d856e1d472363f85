"""Registration as it runs: pauses, stop, logs, and a real HTTP studio."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import pytest

from studio_worker_core.config import ConfigStore
from studio_worker_core.errors import ConfigError, HttpStatusError, TransportError
from studio_worker_core.registration import (
    Approved,
    Pending,
    Pristine,
    Rejected,
    Standing,
    forget_rejection,
)
from studio_worker_core.registration.registrar import Registrar
from studio_worker_core.retrying import Backoff
from studio_worker_core.secrets import Secret
from studio_worker_core.studio_client.http import StudioClient
from studio_worker_core.wire.capabilities import Capabilities
from tests.registration.lines import Line, RecordedStop
from tests.registration.model_studio import ModelStudio
from tests.studio_client.servers import Answer, HttpServer, Seen


@pytest.fixture
def store(tmp_path: Path) -> ConfigStore:
    store = ConfigStore(tmp_path / "worker" / "config.toml")
    store.update(api_base_url=ModelStudio.base_url)
    return store


@pytest.fixture
def studio() -> Line:
    return Line()


Make = Callable[..., Registrar]


@pytest.fixture
def make(store: ConfigStore, studio: Line, capabilities: Capabilities) -> Make:
    def registrar(client: object = studio) -> Registrar:
        backoff = Backoff(2.0, 30.0)
        return Registrar(store, cast("StudioClient", client), lambda: capabilities, backoff=backoff)

    return registrar


def test_polls_come_after_2_4_8_up_to_30_seconds(make: Make) -> None:
    stop = RecordedStop(7)
    assert make().run(stop) is None
    assert stop.waits == [2, 4, 8, 16, 30, 30, 30]


def test_a_failed_request_is_retried_on_the_same_schedule_and_polls_start_at_2(
    make: Make, studio: Line
) -> None:
    studio.errors = [TransportError("register-request", "refused")] * 3
    stop = RecordedStop(6)
    make().run(stop)
    assert stop.waits == [2, 4, 8, 2, 4, 8]


def test_a_429_is_waited_out(make: Make, studio: Line) -> None:
    studio.errors = [HttpStatusError("register-request", 429, "slow", retry_after=47.0)]
    stop = RecordedStop(3)
    make().run(stop)
    assert stop.waits == [47, 2, 4]


def test_a_studio_that_forgets_every_request_is_not_hammered(make: Make, studio: Line) -> None:
    class Forgetful(RecordedStop):
        def wait(self, timeout: float | None = None) -> bool:
            studio.requests.clear()
            return super().wait(timeout)

    stop = Forgetful(8)
    make().run(stop)
    assert stop.waits == [2, 4, 8, 16, 30, 30, 30, 30]


def test_states_are_told_once_each_and_an_approval_ends_the_run(
    make: Make, studio: Line, store: ConfigStore
) -> None:
    told: list[Standing] = []

    def on_state(state: Standing) -> None:
        told.append(state)

    class Operator(RecordedStop):
        def wait(self, timeout: float | None = None) -> bool:
            if len(self.waits) == 3:
                studio.approve(studio.open_requests()[0])
            return super().wait(timeout)

    result = make().run(Operator(100), on_state)
    assert isinstance(result, Approved)
    assert [type(state) for state in told] == [Pending, Approved]
    saved = ConfigStore(store.path).load()
    assert (saved.worker_id, saved.auth_token) == (
        result.worker_id,
        Secret(studio.tokens[result.worker_id]),
    )


def test_a_worker_with_credentials_asks_nothing(
    make: Make, studio: Line, store: ConfigStore
) -> None:
    store.update(worker_id="w", auth_token=Secret("t"))
    assert make().run(threading.Event()) == Approved("w")
    assert studio.calls == 0


def test_a_rejection_is_final_until_reset(make: Make, studio: Line, store: ConfigStore) -> None:
    registrar = make()
    registrar.tick()
    install_id = store.config.install_id
    studio.reject(studio.open_requests()[0])
    assert registrar.run(threading.Event()) == Rejected("not today")
    calls = studio.calls
    assert registrar.run(threading.Event()) == Rejected("not today")
    assert studio.calls == calls
    assert store.config.install_id == install_id
    registrar.reset()
    assert registrar.state == Pristine()
    assert isinstance(registrar.tick(), Pending)
    assert store.config.install_id != install_id


def test_only_a_rejection_is_forgotten_and_the_registrar_asks_anew(
    make: Make, studio: Line, store: ConfigStore
) -> None:
    registrar = make()
    registrar.tick()
    assert not forget_rejection(store)
    assert isinstance(registrar.tick(), Pending)
    install_id = store.config.install_id
    studio.reject(studio.open_requests()[0])
    assert isinstance(registrar.tick(), Rejected)
    assert forget_rejection(store)
    assert not forget_rejection(store)
    assert isinstance(registrar.tick(), Pending)
    assert store.config.install_id != install_id
    studio.approve(studio.open_requests()[0])
    assert isinstance(registrar.tick(), Approved)
    assert not forget_rejection(store), "an approval is never given up by that"
    assert isinstance(registrar.tick(), Approved)


def test_a_reset_tells_the_studio_which_waiting_request_to_drop(
    make: Make, studio: Line, store: ConfigStore
) -> None:
    registrar = make()
    registrar.tick()
    before = store.config.install_id
    registrar.reset()
    registrar.tick()
    assert studio.replaced == [None, before]
    assert store.config.replaced_install_id is None
    studio.approve(studio.open_requests()[-1])
    registrar.tick()
    registrar.reset()
    registrar.tick()
    assert studio.replaced[-1] is None, "a request that was decided leaves nothing behind"


def test_a_restart_goes_on_with_the_same_request(make: Make, studio: Line) -> None:
    first = make()
    first.tick()
    second = make()
    assert isinstance(second.state, Pending)
    studio.approve(studio.open_requests()[0])
    assert isinstance(second.tick(), Approved)
    assert len(studio.requests) == 1


def test_a_damaged_secret_leads_to_a_fresh_request(
    make: Make, studio: Line, store: ConfigStore
) -> None:
    make().tick()
    store.update(registration_secret=Secret("two words\n"))
    registrar = make()
    assert isinstance(registrar.tick(), Pending)
    assert isinstance(registrar.tick(), Pending)
    secret = store.config.registration_secret
    assert secret is not None
    assert len(secret.reveal()) == 64


def test_an_unsaved_approval_is_said_loudly_and_stands_in_memory(
    make: Make, studio: Line, store: ConfigStore, caplog: pytest.LogCaptureFixture
) -> None:
    registrar = make()
    registrar.tick()
    studio.approve(studio.open_requests()[0])
    moved = store.directory.rename(store.directory.with_name("away"))
    store.directory.write_text("no directory any more")
    with caplog.at_level(logging.ERROR):
        state = registrar.tick()
    assert isinstance(state, Approved)
    [record] = caplog.records
    assert "could not be saved" in record.getMessage()
    assert "next start will have to register again" in record.getMessage()
    token = store.config.auth_token
    assert token is not None
    assert token.reveal() not in caplog.text
    with pytest.raises(ConfigError):
        registrar.reset()
    store.directory.unlink()
    moved.rename(store.directory)
    store.update()
    assert ConfigStore(store.path).load().auth_token == token


def test_nothing_secret_is_logged_on_the_way_in(
    make: Make, studio: Line, store: ConfigStore, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        registrar = make()
        registrar.tick()
        secret = store.config.registration_secret
        studio.approve(studio.open_requests()[0])
        registrar.tick()
    token = store.config.auth_token
    assert secret is not None
    assert token is not None
    assert secret.reveal() not in caplog.text
    assert token.reveal() not in caplog.text


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


def test_stop_ends_the_pause_at_once(make: Make) -> None:
    stop, paused = threading.Event(), threading.Event()
    result: list[object] = []
    thread = threading.Thread(
        target=lambda: result.append(make().run(stop, lambda _: paused.set()))
    )
    thread.start()
    assert paused.wait(60)
    started = time.monotonic()
    stop.set()
    thread.join(timeout=60)
    assert time.monotonic() - started < 1.5
    assert result == [None]


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
