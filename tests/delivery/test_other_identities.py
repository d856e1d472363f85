"""What another identity of the worker has made is kept and said, never sent."""

from __future__ import annotations

import logging

import pytest

from studio_worker_core.delivery import Delivery
from tests.delivery.conftest import Field, Results
from tests.support.waiting import eventually

WAIT = 60.0


class Identity:
    def __init__(self) -> None:
        self.now: str | None = "worker-1"


@pytest.fixture
def identity() -> Identity:
    return Identity()


@pytest.fixture
def guarded(field: Field, identity: Identity) -> Field:
    """A delivery that looks at the disk all the time and asks who the worker is."""
    field.delivery = Delivery(
        field.outbox,
        [field.studio.complete] * 2,
        field.stop,
        may_send=lambda entry: entry.is_for(identity.now),
        on_settled=field.on_settled,
        clock=lambda: field.now,
        rescan_seconds=0.0,
    )
    return field


@pytest.mark.parametrize("now", ["worker-2", None])
def test_results_of_another_identity_are_kept_and_not_sent(
    guarded: Field,
    results: Results,
    identity: Identity,
    now: str | None,
    caplog: pytest.LogCaptureFixture,
) -> None:
    identity.now = now
    picture = results.picture(guarded.outbox, "old")
    answer = results.answer(guarded.outbox)
    with caplog.at_level(logging.WARNING, "studio_worker.delivery"):
        guarded.delivery.start()
        session = guarded.wake(frozenset({"old", "chat-1"}), number=1)
        guarded.delivery.submit(picture)
        guarded.delivery.submit(answer)
        assert guarded.delivery.flush(WAIT)
    assert guarded.delivery.pending_ids() == []
    assert (guarded.studio.attempts, session.frames, guarded.settled) == ([], [], [])
    assert guarded.outbox.pending() == [picture, answer]
    assert "2 finished results are for another identity" in caplog.text


def test_they_are_sent_when_their_identity_is_back(
    guarded: Field, results: Results, identity: Identity
) -> None:
    identity.now = "worker-2"
    results.picture(guarded.outbox, "old")
    guarded.delivery.start()
    assert guarded.delivery.flush(WAIT)
    identity.now = "worker-1"
    assert guarded.wait_settled() == [("old", "delivered")]


def test_an_upload_under_way_is_given_up_when_the_identity_ends(
    guarded: Field, results: Results, identity: Identity
) -> None:
    guarded.studio.holding.add("old")
    entry = results.picture(guarded.outbox, "old")
    guarded.delivery.start()
    assert guarded.studio.started.wait(WAIT)
    identity.now = None
    assert guarded.studio.aborted.wait(WAIT)
    eventually("nothing is pending", lambda: not guarded.delivery.pending_ids(), timeout=WAIT)
    assert guarded.delivery.flush(WAIT)
    assert guarded.settled == []
    (kept,) = guarded.outbox.pending()
    assert (kept.directory, kept.manifest.attempts) == (entry.directory, 0)
