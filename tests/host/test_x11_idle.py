"""Asking an X server over its socket; the server is the test, byte by byte."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from studio_worker_core.host.presence import user_presence
from studio_worker_core.host.x11_idle import x11_idle_seconds

COOKIE = bytes(range(16))
ROOT = 0x2A7


class Server:
    """One X server on display 7 that knows its cookie and counts the idle time."""

    def __init__(self, room: Path) -> None:
        self.room = room
        self.idle_ms = 0
        self.has_extension = True
        self.cuts_at = 1 << 20
        self.environ = {"DISPLAY": ":7.0", "XAUTHORITY": str(room / "authority")}
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(room / "X7"))
        self._listener.listen()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()
        self.authorise(COOKIE)

    def authorise(self, cookie: bytes) -> None:
        other = self._entry(b"8", b"not this one"), self._entry(b"7", b"neither", b"XDM-1")
        Path(self.environ["XAUTHORITY"]).write_bytes(b"".join(other) + self._entry(b"7", cookie))

    @staticmethod
    def _entry(number: bytes, cookie: bytes, name: bytes = b"MIT-MAGIC-COOKIE-1") -> bytes:
        fields = (b"host", number, name, cookie)
        return struct.pack(">H", 256) + b"".join(struct.pack(">H", len(f)) + f for f in fields)

    def ask(self) -> float | None:
        return x11_idle_seconds(self.environ, sockets=str(self.room))

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join(60)
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            with client, client.makefile("rwb", buffering=0) as stream:
                try:
                    self._converse(stream)
                except (OSError, struct.error):
                    continue

    def _converse(self, stream: socket.SocketIO) -> None:
        left = self.cuts_at

        def say(data: bytes) -> None:
            nonlocal left
            stream.write(data[:left])
            left = max(0, left - len(data))
            if not left:
                raise OSError("cut")

        order, major, _minor, name, data = struct.unpack("<cxHHHHxx", stream.read(12))
        assert (order, major) == (b"l", 11)
        shown = stream.read(name + -name % 4)[:name], stream.read(data + -data % 4)[:data]
        if shown != (b"MIT-MAGIC-COOKIE-1", COOKIE):
            say(struct.pack("<BBHHH", 0, 3, 11, 0, 1) + b"no.\0")
            return
        vendor, formats = b"vendor", 2
        setup = struct.pack("<4I2H8B4x", 1, 0, 0, 0, len(vendor), 65535, 1, formats, *(0,) * 6)
        setup += vendor + bytes(2) + bytes(8 * formats) + struct.pack("<I", ROOT) + bytes(36)
        say(struct.pack("<BxHHH", 1, 11, 0, len(setup) // 4) + setup)
        opcode, words, length = struct.unpack("<BxHHxx", stream.read(8))
        assert (opcode, words) == (98, 6)
        assert stream.read(16)[:length] == b"MIT-SCREEN-SAVER"
        say(struct.pack("<BxHIBBBB20x", 1, 1, 0, self.has_extension, 144, 0, 0))
        if self.has_extension:
            assert struct.unpack("<BBHI", stream.read(8)) == (144, 1, 2, ROOT)
            say(struct.pack("<BBHIIIIIB7x", 1, 0, 2, 0, 0, 99, self.idle_ms, 0, 0))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path)
    yield server
    server.close()


def test_the_server_says_how_long_nothing_was_touched(server: Server) -> None:
    assert server.ask() == 0.0
    server.idle_ms = 123_456
    assert server.ask() == 123.456


def test_a_server_without_the_extension_is_no_answer(server: Server) -> None:
    server.has_extension = False
    assert server.ask() is None


def test_a_server_that_does_not_let_us_in_is_no_answer(server: Server) -> None:
    server.authorise(b"another cookie..")
    assert server.ask() is None
    Path(server.environ["XAUTHORITY"]).write_bytes(b"\x01")
    assert server.ask() is None


def test_a_server_that_goes_away_in_the_middle_is_no_answer(server: Server) -> None:
    for count in range(0, 160, 5):
        server.cuts_at = count
        assert server.ask() is None


@pytest.mark.parametrize("display", ["", ":", ":8", "far.example:7", ":7; rm", ":" + "9" * 40])
def test_a_display_elsewhere_or_nowhere_is_no_answer(server: Server, display: str) -> None:
    server.environ["DISPLAY"] = display
    assert server.ask() is None


def test_a_server_that_is_silent_is_left_in_time(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "X7"))
        listener.listen()
        assert x11_idle_seconds({"DISPLAY": ":7"}, sockets=str(tmp_path)) is None


def test_what_is_no_x_server_is_no_answer(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "X7"))
        listener.listen()

        def answer() -> None:
            with listener.accept()[0] as client:
                client.sendall(b"\x01\0\0\0\0\0\x01\0abcd" + bytes(64))
                client.recv(4096)

        thread = threading.Thread(target=answer)
        thread.start()
        assert x11_idle_seconds({"DISPLAY": ":7"}, sockets=str(tmp_path)) is None
        thread.join(60)


def test_beside_wayland_the_x_server_is_not_believed() -> None:
    def presence(**environ: str) -> str | None:
        return user_presence(
            run=lambda _command: None,
            system="linux",
            environ={"DISPLAY": ":7", **environ},
            x11=lambda _environ: 500.0,
        )

    assert presence(WAYLAND_DISPLAY="wayland-0") is None
    assert presence() == "idle"
