"""Session after session: pauses, limits, final ends, and stopping at any moment."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator

import pytest
from websockets.sync.connection import Connection

from studio_worker_core.errors import SessionRefused, StudioError, TransportError
from studio_worker_core.secrets import Secret
from studio_worker_core.session import Timings
from studio_worker_core.session.reconnecting import (
    Connected,
    Connecting,
    LinkState,
    Reconnecting,
    Waiting,
)
from studio_worker_core.studio_client.socket import open_socket
from studio_worker_core.wire.frames import Accept, ErrorFrame, Hello, Welcome
from tests.support.recording_handler import RecordingHandler
from tests.support.scripted_studio import ScriptedStudio
from tests.support.tcp_proxy import FaultProxy


class Link:
    """A :class:`Reconnecting` in a thread, its states and how it ended."""

    def __init__(
        self,
        connect: Callable[[], Connection],
        handler: RecordingHandler,
        timings: Timings,
        *,
        limit: int | None = None,
        first_pause: float = 0.01,
    ) -> None:
        self.stop = threading.Event()
        self.states: list[LinkState] = []
        self._changed = threading.Condition()
        self._error: BaseException | None = None
        self._reconnecting = Reconnecting(
            connect,
            handler,
            Secret("token-1"),
            attempts_limit=limit,
            roll=random.Random(1).random,
            on_state=self._note,
            timings=timings,
            first_pause=first_pause,
            longest_pause=first_pause * 8,
        )
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._reconnecting.run(self.stop)
        except StudioError as error:
            self._error = error

    def _note(self, state: LinkState) -> None:
        with self._changed:
            self.states.append(state)
            self._changed.notify_all()

    def wait_for(self, kind: type[LinkState], count: int = 1) -> None:
        def seen() -> int:
            return sum(isinstance(state, kind) for state in self.states)

        with self._changed:
            assert self._changed.wait_for(lambda: seen() >= count, 60), self.states

    def result(self) -> None:
        self._thread.join(60)
        assert not self._thread.is_alive(), "reconnecting did not end"
        if self._error is not None:
            raise self._error

    def end(self) -> None:
        """Stop it, which takes no time of its own."""
        self.stop.set()
        self._thread.join(60)
        assert not self._thread.is_alive(), "reconnecting did not stop"


Connect = Callable[..., Link]


@pytest.fixture
def connect(studio: ScriptedStudio, handler: RecordingHandler, fast: Timings) -> Iterator[Connect]:
    links: list[Link] = []

    def run(
        opener: Callable[[], Connection] | None = None,
        *,
        limit: int | None = None,
        first_pause: float = 0.01,
        timings: Timings = fast,
    ) -> Link:
        usual = lambda: open_socket(studio.url, studio.worker_id, Secret("token-1"))  # noqa: E731
        links.append(Link(opener or usual, handler, timings, limit=limit, first_pause=first_pause))
        return links[-1]

    yield run
    for link in links:
        link.end()


def test_a_lost_session_is_followed_by_the_next_one(
    studio: ScriptedStudio, handler: RecordingHandler, connect: Connect
) -> None:
    link = connect()
    handler.wait_frame(Welcome)
    studio.session(1).sever()
    handler.wait_frame(Welcome, count=2)
    assert studio.session(2).wait_for(Hello)
    assert handler.wait_for("on_closed") == 1
    assert [type(state) for state in link.states] == [
        Connecting,
        Connected,
        Waiting,
        Connecting,
        Connected,
    ]
    assert link.states[1] == Connected(1)
    assert link.states[4] == Connected(2)


def test_a_studio_that_restarts_is_found_again(
    studio: ScriptedStudio, handler: RecordingHandler, connect: Connect
) -> None:
    link = connect()
    handler.wait_frame(Welcome)
    studio.stop()
    link.wait_for(Waiting, count=3)
    studio.start()
    handler.wait_frame(Welcome, count=2)
    session = handler.session
    assert session is not None
    assert session.send(Accept("job-1"))
    studio.session(2).wait_for(Accept)


def test_pauses_grow_while_it_fails_and_start_over_after_a_welcome(
    studio: ScriptedStudio, handler: RecordingHandler, connect: Connect
) -> None:
    studio.refuses_with = 503
    link = connect()
    link.wait_for(Waiting, count=6)
    pauses = [state.seconds for state in link.states if isinstance(state, Waiting)]
    plain = [0.01, 0.02, 0.04, 0.08, 0.08, 0.08]
    for pause, least in zip(pauses, plain, strict=False):
        assert least <= pause <= least * 1.25
    studio.refuses_with = None
    handler.wait_frame(Welcome)
    studio.session(1).close(1000)
    handler.wait_frame(Welcome, count=2)
    last = [state for state in link.states if isinstance(state, Waiting)][-1]
    assert last.seconds <= 0.0125
    assert "code 1000" in last.reason


def test_the_schedule_of_the_protocol_is_the_default(handler: RecordingHandler) -> None:
    refused = TransportError("connect", "refused")
    stop = threading.Event()
    pauses: list[float] = []

    def fail() -> Connection:
        raise refused

    class Impatient(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            assert timeout is not None
            pauses.append(timeout)
            if len(pauses) == 8:
                self.set()
            return self.is_set()

    stop = Impatient()
    Reconnecting(fail, handler, Secret("t"), roll=random.Random(2).random).run(stop)
    for pause, plain in zip(pauses, [1, 2, 4, 8, 16, 30, 30, 30], strict=True):
        assert plain <= pause <= plain * 1.25
    assert len({pause / plain for pause, plain in zip(pauses, [1, 2, 4, 8], strict=False)}) == 4


def test_sessions_that_are_never_welcomed_count_as_failures(
    studio: ScriptedStudio, handler: RecordingHandler, connect: Connect
) -> None:
    studio.welcomes = False
    impatient = Timings(heartbeat=0.05, silence=0.1, goodbye=0.2, stop_poll=0.01)
    link = connect(limit=3, timings=impatient)
    with pytest.raises(TransportError, match="gave up after 3 attempts"):
        link.result()
    assert len(studio.sessions) == 3


def test_the_limit_counts_failures_in_a_row_and_names_the_remedy(
    studio: ScriptedStudio, handler: RecordingHandler, connect: Connect
) -> None:
    link = connect(limit=2)
    handler.wait_frame(Welcome)
    for number in (1, 2, 3):
        studio.session(number).sever()
        handler.wait_frame(Welcome, count=number + 1)
    studio.stop()
    with pytest.raises(TransportError, match="ws_reconnect_attempts"):
        link.result()
    assert sum(isinstance(state, Connecting) for state in link.states) == 6


@pytest.mark.parametrize("limit", [0, None])
def test_no_limit_tries_for_ever(
    studio: ScriptedStudio, connect: Connect, limit: int | None
) -> None:
    studio.refuses_with = 500
    connect(limit=limit)
    assert studio.wait_refused(10)


def test_a_refused_token_ends_the_attempts(
    studio: ScriptedStudio, handler: RecordingHandler, connect: Connect
) -> None:
    studio.refuses_with = 401
    with pytest.raises(SessionRefused, match="register --reset") as refused:
        connect().result()
    assert refused.value.code == "auth_failed"
    assert studio.refused == 1


@pytest.mark.parametrize("how", ["error", "close"])
def test_a_duplicate_worker_stops_instead_of_fighting(
    studio: ScriptedStudio, handler: RecordingHandler, connect: Connect, how: str
) -> None:
    link = connect()
    handler.wait_frame(Welcome)
    if how == "error":
        studio.session().send(ErrorFrame("duplicate_worker", "a newer one"))
    studio.session().close(4003)
    with pytest.raises(SessionRefused) as refused:
        link.result()
    assert refused.value.code == "duplicate_worker"
    assert len(studio.sessions) == 1


def test_a_stop_ends_a_long_pause_at_once(studio: ScriptedStudio, connect: Connect) -> None:
    studio.refuses_with = 503
    link = connect(first_pause=600)
    link.wait_for(Waiting)
    link.end()


def test_a_stop_does_not_wait_for_an_address_that_does_not_answer(
    studio: ScriptedStudio, handler: RecordingHandler, connect: Connect
) -> None:
    with FaultProxy(("127.0.0.1", studio.port)) as proxy:
        proxy.swallow()
        token = Secret("token-1")
        link = connect(lambda: open_socket(proxy.url, studio.worker_id, token, timeout=600.0))
        assert proxy.wait_for_connections(1)
        link.end()
        link.result()
        assert handler.events == []


def test_a_connection_that_comes_after_the_stop_is_closed(
    studio: ScriptedStudio, handler: RecordingHandler, connect: Connect
) -> None:
    asked, go_on = threading.Event(), threading.Event()

    def slow() -> Connection:
        asked.set()
        go_on.wait(60)
        return open_socket(studio.url, studio.worker_id, Secret("token-1"))

    link = connect(slow)
    assert asked.wait(60)
    link.end()
    go_on.set()
    assert studio.session().wait_ended()
    assert studio.session().frames == []


def test_a_stop_before_the_start_does_nothing(handler: RecordingHandler) -> None:
    def never() -> Connection:
        raise AssertionError("connected after all")

    stop = threading.Event()
    stop.set()
    Reconnecting(never, handler, Secret("t")).run(stop)
    assert handler.events == []
