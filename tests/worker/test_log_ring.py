"""The last lines of the log."""

from __future__ import annotations

import logging
import threading

from hypothesis import given
from hypothesis import strategies as st

from studio_worker_core.secrets import Secret
from studio_worker_core.session.log_shipping import LogShipper
from studio_worker_core.wire.frames import LogEntry
from studio_worker_core.worker.log_ring import LogRing


def line(number: int, text: str = "") -> LogEntry:
    return LogEntry("2026-01-01T00:00:00Z", "info", "test", f"{number}{text}")


def numbers(entries: object) -> list[int]:
    assert isinstance(entries, list)
    return [int(entry.message) for entry in entries]


@given(st.integers(0, 30), st.integers(1, 10), st.integers(-5, 40) | st.none())
def test_a_page_is_what_is_kept_after_the_line_that_was_read(
    added: int, most: int, after: int | None
) -> None:
    ring = LogRing(most=most)
    for number in range(1, added + 1):
        ring.add(line(number))
    page = ring.page(after)
    since = after if after is not None and 0 <= after <= added else 0
    kept = range(max(added - most, 0) + 1, added + 1)
    assert numbers(page.entries) == [number for number in kept if number > since]
    assert page.seq == ring.seq == added
    assert page.missed == len([n for n in range(1, added + 1) if n > since and n not in kept])


def test_long_lines_leave_room_for_fewer_and_the_newest_is_always_there() -> None:
    ring = LogRing(most_characters=1_000)
    for number in range(10):
        ring.add(line(number, "x" * 400))
    assert len(ring.page().entries) == 2
    ring.add(line(10, "y" * 5_000))
    assert [entry.message[:3] for entry in ring.page().entries] == ["10y"]
    ring.add(line(11))
    assert numbers(ring.page().entries) == [11]


def test_what_is_logged_is_kept_without_secrets_and_a_bell_rings() -> None:
    rung = threading.Event()
    ring = LogRing(rung.set)
    shipper = LogShipper(also=ring.add)
    secret = Secret("correct-horse-battery")
    record = logging.LogRecord(
        *("studio_worker.x", logging.INFO, "f", 1, "with %s\x1b[2J", (secret.reveal(),), None)
    )
    shipper.handle(record)
    assert rung.is_set()
    (entry,) = ring.page().entries
    assert entry.message == "with ***\\x1b[2J"
    assert (entry.level, entry.category) == ("info", "x")
    shipper.take(10)
    assert ring.page().entries == [entry], "shipping takes nothing out of it"


def test_many_threads_number_the_lines_without_a_gap() -> None:
    ring = LogRing()

    def add() -> None:
        for _ in range(200):
            ring.add(line(0))

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    page = ring.page(300)
    assert (page.seq, len(page.entries), page.missed) == (800, 500, 0)
