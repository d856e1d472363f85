"""Ports of this machine that stay what they are while a test runs."""

from __future__ import annotations

import random
import socket
from collections.abc import Iterator
from contextlib import contextmanager


def lasting_port() -> int:
    """A free port that the system lends to no outgoing connection, so that a server which is
    down for a while finds it free again."""
    candidates = range(10_000, 32_000)
    for port in random.sample(candidates, 200):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("no free port between 10000 and 32000")


@contextmanager
def refusing_port() -> Iterator[int]:
    """A port that refuses connections; it is held, so that nobody else comes to listen there."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]
