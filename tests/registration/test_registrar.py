"""Registration as it runs: pauses, stop, logs, and a real HTTP studio."""

from __future__ import annotations

import logging
import threading

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
from studio_worker_core.secrets import Secret
from tests.registration.lines import Line, Make, RecordedStop


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


def test_stop_ends_the_pause_at_once(make: Make, studio: Line) -> None:
    paused = threading.Event()

    class Stop(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            paused.set()
            return super().wait(timeout)

    studio.errors = [HttpStatusError("register-request", 429, "slow", retry_after=3000.0)]
    stop = Stop()
    result: list[object] = []
    thread = threading.Thread(target=lambda: result.append(make().run(stop)))
    thread.start()
    assert paused.wait(60)
    stop.set()
    thread.join(timeout=60)
    assert result == [None]
