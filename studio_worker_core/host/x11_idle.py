"""How long nobody has touched keyboard or mouse, asked of an X server (MIT-SCREEN-SAVER).

Four messages over its socket: the client library would end the whole process when the
server goes away, and waits without a limit.
"""

from __future__ import annotations

import contextlib
import os
import re
import socket
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path

_SECONDS = 0.45
_SOCKETS = "/tmp/.X11-unix"  # noqa: S108 - where X servers listen
_COOKIE = b"MIT-MAGIC-COOKIE-1"
_EXTENSION = b"MIT-SCREEN-SAVER"
_QUERY_EXTENSION, _QUERY_INFO = 98, 1
_LONGEST_SETUP = 1 << 18


def x11_idle_seconds(environ: Mapping[str, str], *, sockets: str = _SOCKETS) -> float | None:
    """Seconds since the last input on the display of ``environ``; None when there is none on
    this machine, it does not answer within half a second, or it has no such extension."""
    found = re.fullmatch(r"(?:unix)?:(\d{1,5})(?:\.\d+)?", environ.get("DISPLAY", ""))
    if found is None or not hasattr(socket, "AF_UNIX"):
        return None
    cookie = _cookie(environ, found[1].encode("ascii"))
    try:
        with socket.socket(socket.AF_UNIX) as server:
            server.settimeout(_SECONDS)
            server.connect(f"{sockets}/X{found[1]}")
            return _ask(server, cookie)
    except (OSError, struct.error, IndexError):  # it went away, or is no X server
        return None


def _ask(server: socket.socket, cookie: bytes) -> float | None:
    name = _COOKIE if cookie else b""
    server.sendall(
        struct.pack("<cxHHHHxx", b"l", 11, 0, len(name), len(cookie))
        + _padded(name)
        + _padded(cookie)
    )
    accepted, length = struct.unpack("<B5xH", _read(server, 8))
    setup = _read(server, min(4 * length, _LONGEST_SETUP))
    if accepted != 1:
        return None
    vendor, formats = struct.unpack_from("<H", setup, 16)[0], setup[21]
    (root,) = struct.unpack_from("<I", setup, 32 + len(_padded(bytes(vendor))) + 8 * formats)
    words = 2 + len(_padded(_EXTENSION)) // 4
    server.sendall(
        struct.pack("<BxHHxx", _QUERY_EXTENSION, words, len(_EXTENSION)) + _padded(_EXTENSION)
    )
    reply = _read(server, 32)
    if reply[0] != 1 or not reply[8]:
        return None
    server.sendall(struct.pack("<BBHI", reply[9], _QUERY_INFO, 2, root))
    reply = _read(server, 32)
    (idle_ms,) = struct.unpack_from("<I", reply, 16)
    return float(idle_ms) / 1000 if reply[0] == 1 else None


def _read(server: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        part = server.recv(count - len(data))
        if not part:
            raise ConnectionError("the X server closed the connection")
        data += part
    return data


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def _cookie(environ: Mapping[str, str], display: bytes) -> bytes:
    """What the server wants to see from us, from the file its session wrote."""
    path = Path(environ.get("XAUTHORITY") or Path(environ.get("HOME", "/")) / ".Xauthority")
    with contextlib.suppress(OSError, struct.error):
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        with os.fdopen(descriptor, "rb") as file:
            for _address, number, name, data in _entries(file.read(1 << 20)):
                if name == _COOKIE and number in (b"", display):
                    return data
    return b""


def _entries(data: bytes) -> Iterator[tuple[bytes, ...]]:
    at = 0
    while at < len(data):
        at += 2  # the family of the address: a local display has one cookie
        fields = []
        for _ in range(4):
            (length,) = struct.unpack_from(">H", data, at)
            fields.append(data[at + 2 : at + 2 + length])
            at += 2 + length
        yield tuple(fields)
