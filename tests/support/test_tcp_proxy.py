"""The fault-injecting relay itself: what it claims to do to a connection, it does."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from tests.support.ports import refusing_port
from tests.support.tcp_proxy import Fault, FaultProxy


class EchoServer:
    """Sends back what it gets, connection by connection."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address: tuple[str, int] = self._listener.getsockname()
        self._threads: list[threading.Thread] = []
        self._acceptor = threading.Thread(target=self._accept)
        self._acceptor.start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._acceptor.join()
        for thread in self._threads:
            thread.join(60)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._echo, args=(connection,))
            self._threads.append(thread)
            thread.start()

    def _echo(self, connection: socket.socket) -> None:
        with connection:
            try:
                while data := connection.recv(65536):
                    connection.sendall(data)
            except OSError:
                return


@pytest.fixture
def proxy() -> Iterator[FaultProxy]:
    server = EchoServer()
    with FaultProxy(server.address) as proxy:
        yield proxy
    server.close()


def connected(proxy: FaultProxy) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.port), timeout=60)


def read_exactly(end: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count and (more := end.recv(count - len(data))):
        data += more
    return data


def test_it_relays_both_ways_and_passes_the_end_on(proxy: FaultProxy) -> None:
    with connected(proxy) as client:
        payload = bytes(range(256)) * 4096
        sender = threading.Thread(target=client.sendall, args=(payload,))
        sender.start()
        assert read_exactly(client, len(payload)) == payload
        sender.join(60)
        client.shutdown(socket.SHUT_WR)
        assert client.recv(1) == b""
    assert proxy.forwarded("up") == proxy.forwarded("down") == len(payload)
    assert proxy.connections == 1


@pytest.mark.parametrize("offset", [0, 1, 1000, 70_000])
def test_a_planned_reset_comes_at_its_byte(proxy: FaultProxy, offset: int) -> None:
    proxy.plan(Fault("down", offset, "reset"))
    with connected(proxy) as client:
        client.sendall(b"x" * 80_000)
        with pytest.raises(ConnectionResetError):
            read_exactly(client, 80_000)
    assert proxy.forwarded("down") == offset


def test_a_planned_close_ends_the_stream_after_its_byte(proxy: FaultProxy) -> None:
    proxy.plan(Fault("down", 10, "close"))
    with connected(proxy) as client:
        client.sendall(b"0123456789")
        assert read_exactly(client, 100) == b"0123456789"


def test_faults_are_used_up_one_connection_each(proxy: FaultProxy) -> None:
    proxy.plan(Fault("up", 0, "close"))
    with connected(proxy) as first:
        first.sendall(b"a")
        assert first.recv(1) == b""
    with connected(proxy) as second:
        second.sendall(b"b")
        assert second.recv(1) == b"b"


def test_a_planned_stall_keeps_the_connection_open_but_still(proxy: FaultProxy) -> None:
    proxy.plan(Fault("down", 3, "stall"))
    with connected(proxy) as client:
        client.sendall(b"abcdef")
        assert read_exactly(client, 3) == b"abc"
        client.settimeout(0.1)
        with pytest.raises(TimeoutError):
            client.recv(1)


def test_a_stall_fills_the_buffers_until_a_send_blocks_and_resume_frees_it(
    proxy: FaultProxy,
) -> None:
    with connected(proxy) as client:
        client.sendall(b"a")
        assert client.recv(1) == b"a"
        proxy.stall("up")
        client.settimeout(0.2)
        with pytest.raises(TimeoutError):
            client.sendall(b"x" * 50_000_000)
        passed = proxy.forwarded("up")
        proxy.resume()
        assert proxy.wait_for_bytes("up", passed + 65536)


def test_swallowed_bytes_are_lost_without_the_sender_noticing(proxy: FaultProxy) -> None:
    with connected(proxy) as client:
        client.sendall(b"a")
        assert client.recv(1) == b"a"
        proxy.swallow()
        client.sendall(b"x" * 10_000_000)
        client.settimeout(0.1)
        with pytest.raises(TimeoutError):
            client.recv(1)


def test_reset_and_cut_end_open_connections(proxy: FaultProxy) -> None:
    with connected(proxy) as first:
        assert proxy.wait_for_connections(1)
        proxy.reset()
        with pytest.raises(ConnectionResetError):
            first.recv(1)
    with connected(proxy) as second:
        assert proxy.wait_for_connections(2)
        proxy.cut()
        assert second.recv(1) == b""


def test_a_stalled_connection_can_still_be_reset(proxy: FaultProxy) -> None:
    with connected(proxy) as client:
        assert proxy.wait_for_connections(1)
        proxy.stall()
        proxy.reset()
        with pytest.raises(ConnectionResetError):
            client.recv(1)


def test_refused_connections_work_again_on_the_same_port(proxy: FaultProxy) -> None:
    port = proxy.port
    proxy.refuse()
    with pytest.raises(ConnectionRefusedError):
        connected(proxy)
    proxy.accept()
    assert proxy.port == port
    with connected(proxy) as client:
        client.sendall(b"a")
        assert client.recv(1) == b"a"


def test_a_target_that_is_down_resets_the_client(proxy: FaultProxy) -> None:
    with refusing_port() as port:
        proxy.target = ("127.0.0.1", port)
        with pytest.raises(ConnectionResetError), connected(proxy) as client:
            client.recv(1)


def test_delayed_bytes_arrive_whole(proxy: FaultProxy) -> None:
    proxy.delay(0.02)
    with connected(proxy) as client:
        client.sendall(b"abc")
        assert read_exactly(client, 3) == b"abc"
