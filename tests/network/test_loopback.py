"""This very machine, told by the text alone."""

from __future__ import annotations

import pytest

from studio_worker_core.network.loopback import is_loopback_host


@pytest.mark.parametrize(
    "host",
    [
        *("localhost", "LOCALHOST.", "a.localhost", "127.0.0.1", "127.9.9.9"),
        *("::1", "::1%lo", "::ffff:127.0.0.1"),
    ],
)
def test_loopback_hosts_are_known_by_name_and_number(host: str) -> None:
    assert is_loopback_host(host)


@pytest.mark.parametrize(
    "host",
    [
        *("", "localhost.example", "notlocalhost", "example.com", "10.0.0.1", "0.0.0.0"),
        *("127.1x", "127.h", "::", "fe80::1%lo", "::ffff:10.0.0.1"),
    ],
)
def test_other_hosts_are_not_loopback(host: str) -> None:
    assert not is_loopback_host(host)
