"""What the tests of sessions share: a scripted studio and a session running on it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Protocol

import pytest

from studio_worker_core.errors import StudioError
from studio_worker_core.secrets import Secret
from studio_worker_core.session import Session, SessionEnded, Timings
from studio_worker_core.studio_client.socket import open_socket
from tests.support.recording_handler import RecordingHandler
from tests.support.scripted_studio import ScriptedStudio

FAST = Timings(
    heartbeat=0.05, logs=0.02, silence=60.0, progress=0.05, flush=10.0, goodbye=0.5, stop_poll=0.01
)


class RunningSession:
    """A session in a thread of its own, and how it ended."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.stop = threading.Event()
        self._ended: SessionEnded | None = None
        self._error: StudioError | None = None
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._ended = self.session.run(self.stop)
        except StudioError as error:
            self._error = error

    def result(self, timeout: float = 60.0) -> SessionEnded:
        """What ``run`` returned, or its error raised here."""
        self._thread.join(timeout)
        assert not self._thread.is_alive(), "the session did not end"
        if self._error is not None:
            raise self._error
        assert self._ended is not None
        return self._ended

    def end(self) -> None:
        self.stop.set()
        self._thread.join(60)
        assert not self._thread.is_alive(), "the session did not stop"


class StartSession(Protocol):
    """Starts a session on the scripted studio, or on another address, with these timings."""

    def __call__(self, url: str | None = None, timings: Timings = FAST) -> RunningSession: ...


@pytest.fixture
def fast() -> Timings:
    return FAST


@pytest.fixture
def studio() -> Iterator[ScriptedStudio]:
    with ScriptedStudio() as studio:
        yield studio


@pytest.fixture
def handler() -> RecordingHandler:
    return RecordingHandler()


@pytest.fixture
def start(studio: ScriptedStudio, handler: RecordingHandler) -> Iterator[StartSession]:
    running: list[RunningSession] = []

    def run(url: str | None = None, timings: Timings = FAST) -> RunningSession:
        connection = open_socket(url or studio.url, studio.worker_id, Secret(studio.token))
        session = Session(connection, handler, Secret(studio.token), timings=timings)
        running.append(RunningSession(session))
        return running[-1]

    yield run
    for each in running:
        each.end()
    left = [thread.name for thread in threading.enumerate() if thread.name.startswith("session-")]
    assert left == []
