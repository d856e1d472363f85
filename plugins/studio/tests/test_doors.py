"""What anybody can do before saying who they are: bounds of connections (protocol §5)."""

from __future__ import annotations

import contextlib
import socket
import sys
from collections.abc import Iterator

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from websockets.exceptions import ConnectionClosed, InvalidStatus

from plugins.studio.tests.support.studio_in_thread import MakeStudio, StudioInThread
from studio_worker_studio.doorkeeper import Doorkeeper
from studio_worker_studio.open_files import raise_limit
from studio_worker_studio.pace import Pace


@contextlib.contextmanager
def caller(studio: StudioInThread) -> Iterator[socket.socket]:
    port = int(studio.url.rstrip("/").rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        yield connection


def answer_to(connection: socket.socket) -> bytes:
    """All that comes until the other side closes."""
    found = b""
    with contextlib.suppress(ConnectionError):
        while piece := connection.recv(65536):
            found += piece
    return found


def say(connection: socket.socket, data: bytes) -> None:
    with contextlib.suppress(ConnectionError):
        connection.sendall(data)


HEALTH = b"GET /graphics/api/healthz HTTP/1.1\r\nHost: localhost\r\n"


@pytest.mark.parametrize(
    "head",
    [
        HEALTH + b"X-Long: " + b"a" * 70_000 + b"\r\n\r\n",
        HEALTH + b"X: y\r\n" * 15_000 + b"\r\n",
        HEALTH + b"X-Endless: " + b"a" * 3_000_000,
        b"GET /" + b"a" * 3_000_000,
    ],
    ids=["one header", "many headers", "no end", "a path without end"],
)
def test_a_head_that_is_too_long_is_refused_with_431(studio: StudioInThread, head: bytes) -> None:
    with caller(studio) as connection:
        say(connection, head)
        assert answer_to(connection).startswith(b"HTTP/1.1 431 ")
    assert requests.get(studio.base + "/healthz", timeout=60).ok


def test_a_head_of_sixty_kilobytes_is_read(studio: StudioInThread) -> None:
    with caller(studio) as connection:
        say(connection, HEALTH + b"X: " + b"a" * 60_000 + b"\r\nConnection: close\r\n\r\n")
        assert answer_to(connection).startswith(b"HTTP/1.1 200 ")


def test_many_requests_on_one_connection_are_many_heads(studio: StudioInThread) -> None:
    with requests.Session() as session:
        for _ in range(20):
            headers = {"X-Filler": "a" * 30_000}
            assert session.get(studio.base + "/healthz", headers=headers, timeout=60).ok


@pytest.mark.parametrize("said", [b"", b"GET /graphics", b"\r\n", HEALTH + b"X: "])
def test_a_connection_that_asks_for_nothing_is_closed(make_studio: MakeStudio, said: bytes) -> None:
    studio = make_studio(head_seconds=2.0)
    with caller(studio) as connection:
        say(connection, said)
        assert answer_to(connection).startswith(b"HTTP/1.1 408 ")


def test_a_second_head_has_a_time_limit_too(make_studio: MakeStudio) -> None:
    studio = make_studio(head_seconds=2.0)
    with caller(studio) as connection:
        say(connection, HEALTH + b"\r\n" + HEALTH)
        answers = answer_to(connection)
    assert answers.startswith(b"HTTP/1.1 200 ")
    assert b"HTTP/1.1 408 " in answers


def test_silent_connections_make_room_for_those_that_ask(make_studio: MakeStudio) -> None:
    studio = make_studio(max_connections_per_address=5)
    with contextlib.ExitStack() as stack:
        silent = [stack.enter_context(caller(studio)) for _ in range(20)]
        assert requests.get(studio.base + "/healthz", timeout=60).ok
        assert answer_to(silent[0]) == b""


def test_more_listeners_than_allowed_are_turned_away_and_sessions_do_not_count(
    make_studio: MakeStudio,
) -> None:
    studio = make_studio(max_connections_per_address=3)
    workers = [studio.new_worker() for _ in range(5)]
    headers = {"Authorization": f"Bearer {studio.token}"}
    with contextlib.ExitStack() as stack:
        for worker in workers:
            stack.enter_context(worker.session())
        for _ in range(3):
            stack.enter_context(
                requests.get(studio.base + "/events", headers=headers, stream=True, timeout=60)
            )
        refused = requests.get(studio.base + "/healthz", timeout=60)
        assert refused.status_code == 503
        for worker in workers:
            worker.heartbeat()


@given(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=30), st.integers(1, 4))
def test_no_address_holds_more_than_allowed(moves: list[tuple[bool, bool]], most: int) -> None:
    class Guest:
        def __init__(self, is_silent: bool) -> None:
            self.is_silent = is_silent
            self.is_in = True

        def dismiss(self) -> None:
            assert self.is_silent
            self.is_in = False

    keeper = Doorkeeper(most)
    guests: list[Guest] = []
    for comes, silent in moves:
        if comes:
            guest = Guest(silent)
            if keeper.enter(guest, "a"):
                guests.append(guest)
            else:
                assert sum(other.is_in for other in guests) == most
        elif guests:
            guest = guests.pop()
            keeper.leave(guest, "a")
            guest.is_in = False
        assert sum(guest.is_in for guest in guests) <= most
    assert keeper.enter(Guest(True), "b")


def test_a_hello_may_not_be_as_long_as_a_result(studio: StudioInThread) -> None:
    worker = studio.new_worker()
    filler = "x" * 3_000_000

    def greet() -> None:
        worker.send("hello", authToken=worker.token, capabilities={}, filler=filler)
        worker.socket.recv(timeout=60)

    with worker.connected(), pytest.raises(ConnectionClosed) as closed:
        greet()
    # What was still on its way may cost the peer the close frame.
    assert closed.value.rcvd is None or closed.value.rcvd.code == 1009
    with worker.session():
        worker.send("heartbeat", capabilities=worker.capabilities, filler=filler)
        worker.expect("heartbeatAck")


def test_a_message_of_endless_pieces_is_ended(studio: StudioInThread) -> None:
    worker = studio.new_worker()

    def pieces() -> Iterator[str]:
        while True:
            yield ""

    with worker.session(), pytest.raises(ConnectionClosed) as closed:
        worker.socket.send(pieces())
    # What was still on its way may cost the peer the close frame.
    assert closed.value.rcvd is None or closed.value.rcvd.code == 1009


def test_a_flood_of_pings_is_ended(studio: StudioInThread) -> None:
    worker = studio.new_worker()

    def flood() -> None:
        for number in range(100_000):
            worker.socket.ping(number.to_bytes(4, "big"))

    with worker.session(), pytest.raises(ConnectionClosed):
        flood()


@given(st.lists(st.tuples(st.floats(0, 5), st.integers(0, 16_000_000)), max_size=40))
def test_whoever_keeps_the_pace_is_never_slowed_and_nobody_goes_faster(
    frames: list[tuple[float, int]],
) -> None:
    now = 0.0
    pace = Pace(lambda: now)
    total = 0
    for wait, size in frames:
        now += wait
        now += pace.pause_after(size)
        total += size
    assert total <= (now + 10.0) * 4 * 1024 * 1024 + 1


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8765", "192.0.2.1", "[::2]:1"])
def test_another_name_for_loopback_is_refused(studio: StudioInThread, host: str) -> None:
    refused = requests.get(studio.base + "/healthz", headers={"Host": host}, timeout=60)
    assert refused.status_code == 403
    assert "--behind-proxy" in refused.json()["message"]


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:1", "127.0.0.1", "[::1]:9", "a.localhost"]
)
def test_the_names_of_this_machine_are_taken(studio: StudioInThread, host: str) -> None:
    assert requests.get(studio.base + "/healthz", headers={"Host": host}, timeout=60).ok


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost:1"])
def test_pages_from_elsewhere_are_refused(studio: StudioInThread, origin: str) -> None:
    refused = studio.raw("GET", "/jobs", headers={"Origin": origin})
    assert refused.status_code == 403
    worker = studio.new_worker()
    worker.headers = {**worker.headers, "Origin": origin}
    with pytest.raises(InvalidStatus) as upgrade, worker.connected():
        pass
    assert upgrade.value.response.status_code == 403


def test_its_own_pages_and_any_name_behind_a_proxy_are_taken(
    make_studio: MakeStudio,
) -> None:
    studio = make_studio()
    assert studio.raw("GET", "/jobs", headers={"Origin": studio.url.rstrip("/")}).ok
    studio.stop()
    proxied = make_studio(trusted_proxies=("127.0.0.1",), directory="behind")
    headers = {"Host": "studio.example", "Origin": "https://studio.example"}
    assert proxied.raw("GET", "/jobs", headers=headers).ok


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")
def test_the_limit_of_open_files_goes_up_and_never_down() -> None:
    import resource

    before, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        low = min(before, 256)
        resource.setrlimit(resource.RLIMIT_NOFILE, (low, hard))
        raised = raise_limit(low + 100)
        assert raised == (low + 100 if hard == resource.RLIM_INFINITY else min(low + 100, hard))
        assert raise_limit(16) == raised
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (before, hard))
