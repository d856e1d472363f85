"""Bells that ring when there is something new to see."""

from __future__ import annotations

from studio_worker_core.worker.changes import Changes
from studio_worker_core.worker.status import StatusBoard


def test_a_subscriber_hears_until_it_leaves_and_once_at_the_end() -> None:
    changes = Changes()
    rung: list[str] = []

    def bell() -> None:
        rung.append("a")

    leave_first = changes.subscribe(bell)
    changes.subscribe(bell)
    changes.ring()
    assert len(rung) == 2
    leave_first()
    leave_first()
    changes.ring()
    assert len(rung) == 3, "the other subscription of the same bell stays"
    closed = [changes.closed]
    changes.close()
    assert [*closed, changes.closed] == [False, True]
    assert len(rung) == 4


def test_a_board_rings_once_it_shows_what_changed() -> None:
    board = StatusBoard()
    seen: list[str] = []
    board.ring(lambda: seen.append(board.current.state))
    board.post(state="connected")
    board.count("done")
    assert seen == ["connected", "connected"]
