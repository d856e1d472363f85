"""From no credentials to a standing session, and the ways that end."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from studio_worker_core.capabilities import build_capabilities
from studio_worker_core.config import Config, ConfigStore
from studio_worker_core.engines.roster import Roster
from studio_worker_core.errors import SessionRefused, TransportError
from studio_worker_core.host.facts import host_facts
from studio_worker_core.log_shipping import LogShipper
from studio_worker_core.secrets import Secret
from studio_worker_core.testing.recording_handler import RecordingHandler
from studio_worker_core.testing.scripted_studio import ScriptedStudio
from studio_worker_core.wire.frames import CloseCode
from studio_worker_core.worker.link import Link
from studio_worker_core.worker.status import StatusBoard, WorkerStatus

WAIT = 20.0


class Line:
    """A link with a thread of its own, and what became of it."""

    def __init__(self, store: ConfigStore) -> None:
        self.stopping = threading.Event()
        self.closing = threading.Event()
        self.board = StatusBoard()
        self.error: Exception | None = None
        self._changed = threading.Condition()
        self.board.subscribe(self._notify)
        capabilities = build_capabilities(
            Config(), host_facts(), Roster([]).offerings(), paused=False, presence=None
        )
        self.link = Link(
            store,
            RecordingHandler(),
            lambda: capabilities,
            LogShipper(),
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


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Callable[..., Line]]:
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


def test_with_credentials_it_connects_at_once_and_ends_with_closing(line: Any) -> None:
    with ScriptedStudio() as studio:
        kept = line(studio.url, **CREDENTIALS)
        kept.wait(lambda status: status.state == "connected")
        assert kept.board.current.worker_id == "worker-1"
        kept.stopping.set()
        studio.session()
        assert kept.thread.is_alive(), "the session lasts until everything is handed back"
        kept.closing.set()
        assert kept.end() is None


def test_a_lost_session_is_shown_and_made_again(line: Any) -> None:
    with ScriptedStudio() as studio:
        kept = line(studio.url, **CREDENTIALS)
        kept.wait(lambda status: status.state == "connected")
        studio.session().close(CloseCode.NORMAL)
        kept.wait(lambda status: status.state == "waiting")
        kept.wait(lambda status: status.state == "connected")


def test_a_refused_session_is_the_end(line: Any) -> None:
    with ScriptedStudio() as studio:
        kept = line(studio.url, **CREDENTIALS)
        kept.wait(lambda status: status.state == "connected")
        studio.session().close(CloseCode.WORKER_DELETED)
        assert isinstance(kept.end(), SessionRefused)


def test_the_limit_of_attempts_is_the_configured_one(line: Any) -> None:
    kept = line("http://127.0.0.1:9/", ws_reconnect_attempts=1, **CREDENTIALS)
    error = kept.end()
    assert isinstance(error, TransportError)
    assert "ws_reconnect_attempts" in str(error)


def test_registration_with_a_studio_that_is_not_there_ends_with_stopping(line: Any) -> None:
    kept = line("http://127.0.0.1:9/")
    kept.wait(lambda status: status.state == "registering")
    kept.stopping.set()
    kept.link.abandon_registration()
    assert kept.end() is None
