"""From no credentials to a standing session, and the ways that end."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest

from studio_worker_core.capabilities import build_capabilities
from studio_worker_core.config import Config, ConfigStore
from studio_worker_core.errors import TransportError
from studio_worker_core.host.facts import host_facts
from studio_worker_core.registration import identity_at
from studio_worker_core.registration.registrar import Registrar
from studio_worker_core.roster.roster import Roster
from studio_worker_core.secrets import Secret
from studio_worker_core.studio_client.http import StudioClient
from studio_worker_core.wire.frames import CloseCode, Heartbeat
from studio_worker_core.worker.status import StatusBoard, WorkerStatus
from studio_worker_core.worker.studio_link import StudioLink
from tests.support.recording_handler import RecordingHandler, sample_capabilities
from tests.support.scripted_studio import ScriptedStudio

WAIT = 60.0


class Line:
    """A link with a thread of its own, and what became of it."""

    def __init__(self, store: ConfigStore) -> None:
        self.store = store
        self.stopping = threading.Event()
        self.closing = threading.Event()
        self.board = StatusBoard()
        self.error: Exception | None = None
        self._changed = threading.Condition()
        self.board.subscribe(self._notify)
        capabilities = build_capabilities(
            Config(), host_facts(), Roster([]).offerings(), paused=False, presence=None
        )
        self.link = StudioLink(
            store,
            RecordingHandler(),
            lambda: capabilities,
            self.board,
            stopping=self.stopping,
            closing=self.closing,
        )
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def wait(self, what: Callable[[WorkerStatus], bool]) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: what(self.board.current), WAIT), (
                self.board.current
            )

    def end(self) -> Exception | None:
        self.thread.join(WAIT)
        assert not self.thread.is_alive()
        return self.error

    def _run(self) -> None:
        try:
            self.link.run()
        except Exception as error:  # what the test asks for, whatever it is
            self.error = error

    def _notify(self, _status: WorkerStatus) -> None:
        with self._changed:
            self._changed.notify_all()


class StartLine(Protocol):
    """Starts the link of a worker with these settings."""

    def __call__(self, url: str, **settings: Any) -> Line: ...


@pytest.fixture
def line(tmp_path: Path) -> Iterator[StartLine]:
    lines: list[Line] = []

    def start(url: str, **settings: Any) -> Line:
        store = ConfigStore(tmp_path / "config.toml")
        store.update(api_base_url=url, **settings)
        lines.append(Line(store))
        return lines[-1]

    yield start
    for each in lines:
        each.stopping.set()
        each.closing.set()
        each.link.abandon_registration()
        each.end()


CREDENTIALS = {"worker_id": "worker-1", "auth_token": Secret("token-1")}


def test_with_credentials_it_connects_at_once_and_ends_with_closing(line: StartLine) -> None:
    with ScriptedStudio() as studio:
        kept = line(studio.url, **CREDENTIALS)
        kept.wait(lambda status: status.state == "connected")
        assert kept.board.current.worker_id == "worker-1"
        kept.stopping.set()
        studio.session()
        assert kept.thread.is_alive(), "the session lasts until everything is handed back"
        kept.closing.set()
        assert kept.end() is None


def test_a_lost_session_is_shown_and_made_again(line: StartLine) -> None:
    with ScriptedStudio() as studio:
        kept = line(studio.url, **CREDENTIALS)
        kept.wait(lambda status: status.state == "connected")
        studio.session().close(CloseCode.NORMAL)
        kept.wait(lambda status: status.state == "waiting")
        kept.wait(lambda status: status.state == "connected")


def test_a_refused_session_is_not_made_again_and_the_worker_stays_up(line: StartLine) -> None:
    with ScriptedStudio() as studio:
        kept = line(studio.url, **CREDENTIALS)
        kept.wait(lambda status: status.state == "connected")
        studio.session().close(CloseCode.DUPLICATE_WORKER)
        kept.wait(lambda status: status.state == "refused")
        assert kept.thread.is_alive()
        kept.stopping.set()
        assert kept.end() is None


def test_a_deleted_worker_forgets_its_credentials_and_asks_again(line: StartLine) -> None:
    with ScriptedStudio() as studio:
        kept = line(studio.url, install_id="install-1", **CREDENTIALS)
        kept.wait(lambda status: status.state == "connected")
        studio.session().close(CloseCode.WORKER_DELETED)
        kept.wait(lambda status: status.state == "registering")
        config = kept.store.config
        assert (config.worker_id, config.auth_token) == (None, None)
        assert config.install_id == "install-1"


def test_no_credential_goes_to_a_studio_that_did_not_issue_it(line: StartLine) -> None:
    with ScriptedStudio() as studio:
        kept = line(studio.url, registered_at="https://studio.example/", **CREDENTIALS)
        kept.wait(lambda status: status.state == "registering")
        assert kept.board.current.worker_id is None


def test_credentials_from_before_belong_to_the_studio_that_was_set(tmp_path: Path) -> None:
    store = ConfigStore(tmp_path / "config.toml")
    store.update(api_base_url="https://studio.example/", **CREDENTIALS)
    store.set_text("api_base_url", "https://other.example/")
    assert identity_at("https://other.example", store.config).auth_token is None
    store.set_text("api_base_url", "https://studio.example/")
    assert identity_at("https://studio.example", store.config).worker_id == "worker-1"


def test_the_limit_of_attempts_is_the_configured_one(line: StartLine) -> None:
    kept = line("http://127.0.0.1:9/", ws_reconnect_attempts=1, **CREDENTIALS)
    error = kept.end()
    assert isinstance(error, TransportError)
    assert "ws_reconnect_attempts" in str(error)


def test_registration_with_a_studio_that_is_not_there_ends_with_stopping(line: StartLine) -> None:
    kept = line("http://127.0.0.1:9/")
    kept.wait(lambda status: status.state == "registering")
    kept.stopping.set()
    kept.link.abandon_registration()
    assert kept.end() is None


def reset(store: ConfigStore) -> None:
    """As 'register --reset' in another process does it."""
    client = StudioClient(store.config.api_base_url)
    Registrar(store, client, sample_capabilities).reset()
    client.close()


def edit(kept: Line) -> ConfigStore:
    """The config as another process edits it."""
    store = ConfigStore(kept.store.path)
    store.load()
    return store


def test_a_refused_worker_takes_up_a_reset(line: StartLine) -> None:
    with ScriptedStudio() as studio:
        kept = line(studio.url, install_id="install-1", **CREDENTIALS)
        kept.wait(lambda status: status.state == "connected")
        studio.session().close(CloseCode.DUPLICATE_WORKER)
        kept.wait(lambda status: status.state == "refused")
        reset(edit(kept))
        kept.store.follow()
        kept.wait(lambda status: status.state == "registering")
        assert kept.board.current.worker_id is None


def test_a_connected_worker_takes_up_a_reset(line: StartLine) -> None:
    with ScriptedStudio() as studio:
        kept = line(studio.url, install_id="install-1", **CREDENTIALS)
        kept.wait(lambda status: status.state == "connected")
        reset(edit(kept))
        kept.store.follow()
        kept.wait(lambda status: status.state == "registering")
        assert studio.session().wait_ended()
        assert studio.session().close_code == CloseCode.NORMAL


def test_another_address_is_gone_to_without_the_credentials_and_back_with_them(
    line: StartLine,
) -> None:
    with ScriptedStudio() as first, ScriptedStudio() as second:
        kept = line(first.url, install_id="install-1", **CREDENTIALS)
        kept.wait(lambda status: status.state == "connected")
        edit(kept).set_text("api_base_url", second.url)
        kept.store.follow()
        kept.wait(lambda status: status.state == "registering")
        assert kept.board.current.studio_url == second.url.rstrip("/")
        on_disk = edit(kept).config
        assert (on_disk.worker_id, on_disk.auth_token) == (None, None)
        assert on_disk.registrations[first.url.rstrip("/")].worker_id == "worker-1"
        edit(kept).set_text("api_base_url", first.url)
        kept.store.follow()
        kept.wait(lambda status: status.state == "connected")
        assert edit(kept).config.worker_id == "worker-1"
        assert second.sessions == []


def test_an_address_that_is_none_leaves_the_session_as_it_is(line: StartLine) -> None:
    with ScriptedStudio() as studio:
        kept = line(studio.url, install_id="install-1", **CREDENTIALS)
        kept.wait(lambda status: status.state == "connected")
        edit(kept).update(api_base_url="no address")
        kept.store.follow()
        session = studio.session()
        session.wait_for(Heartbeat)
        assert kept.board.current.state == "connected"
