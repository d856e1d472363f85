"""Several uploads at once: what one peer does to one of them is no matter of the others."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio_worker_core.config import OutboxLimits
from studio_worker_core.delivery.machine import has_sender
from studio_worker_core.delivery.states import State
from studio_worker_core.errors import HttpStatusError
from studio_worker_core.outbox import Outbox
from studio_worker_core.wire.frames import Claim, CompleteJson, Fail
from studio_worker_core.wire.models import ModelSource
from studio_worker_core.wire.tasks import ImageTask
from tests.delivery.conftest import Field, Results
from tests.support.waiting import eventually

WAIT = 60.0
SENDERS = 3


@pytest.fixture
def busy(field: Field, results: Results) -> Field:
    """A delivery with three senders, two of which are held by uploads without end."""
    field.delivery = field.new(rescan_seconds=0.0, senders=SENDERS)
    field.studio.holding |= {"slow-1", "slow-2"}
    for job in ("slow-1", "slow-2"):
        results.picture(field.outbox, job)
    field.delivery.start()
    eventually("the uploads began", lambda: len(field.studio.attempts) == 2, timeout=WAIT)
    return field


def test_uploads_that_trickle_hold_up_no_other_file(busy: Field, results: Results) -> None:
    for number in range(5):
        busy.delivery.submit(results.picture(busy.outbox, f"job-{number}"))
    busy.wait_settled(5)
    assert busy.studio.got == [f"job-{number}" for number in range(5)]
    busy.studio.released.set()
    busy.wait_settled(7)


def test_uploads_that_trickle_hold_up_no_json_answer(busy: Field, results: Results) -> None:
    session = busy.wake(number=1)
    busy.delivery.submit(results.answer(busy.outbox))
    assert session.sent.wait(WAIT)
    assert isinstance(session.frames[0], CompleteJson)
    busy.delivery.on_complete_ack("chat-1")
    assert busy.wait_settled() == [("chat-1", "delivered")]


def test_a_result_removed_in_mid_upload_is_given_up_and_answered(busy: Field) -> None:
    session = busy.wake(number=1)
    entry = next(e for e in busy.outbox.pending() if e.job_id == "slow-1")
    Outbox(busy.outbox.root, OutboxLimits).forget(entry)
    assert busy.studio.aborted.wait(WAIT)
    assert busy.wait_settled() == [("slow-1", "lost")]
    assert session.sent.wait(WAIT)
    assert isinstance(session.frames[0], Fail)
    assert session.frames[0].job_id == "slow-1"
    busy.studio.released.set()
    busy.wait_settled(2)
    assert busy.studio.got == ["slow-2"]


def test_an_upload_whose_directory_vanishes_frees_its_sender(
    busy: Field, results: Results, tmp_path: Path
) -> None:
    busy.studio.holding.add("slow-3")
    third = results.picture(busy.outbox, "slow-3")
    busy.delivery.submit(third)
    eventually("the uploads began", lambda: len(busy.studio.attempts) == 3, timeout=WAIT)
    third.directory.rename(tmp_path / "gone")
    busy.delivery.submit(results.picture(busy.outbox, "next"))
    eventually("the others arrived", lambda: "next" in busy.studio.got, timeout=WAIT)


def test_an_attempt_ends_when_its_job_is_done_anew_as_another_task(
    busy: Field, results: Results
) -> None:
    session = busy.wake(number=1)
    claim = Claim(
        job_id="slow-1",
        model="m",
        task=ImageTask(prompt="another", ext="png"),
        model_source=ModelSource(engine="synthetic"),
    )
    draft = busy.outbox.begin(claim, "worker-1", 1)
    assert busy.studio.aborted.wait(WAIT)
    eventually(
        "it left the queue", lambda: "slow-1" not in busy.delivery.pending_ids(), timeout=WAIT
    )
    assert session.frames == [], "the job is held and worked on: nothing is to be said of it"
    assert busy.settled == []
    busy.studio.holding.discard("slow-1")
    path = draft.directory / "result.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\nanother")

    busy.delivery.submit(busy.outbox.finish(draft, path))
    assert busy.wait_settled() == [("slow-1", "delivered")]


def test_results_that_failed_before_leave_a_sender_for_what_is_new(
    field: Field, results: Results
) -> None:
    field.delivery = field.new(rescan_seconds=0.0, senders=SENDERS)
    slow = {f"slow-{number}" for number in range(SENDERS + 1)}
    field.studio.faults = {job: HttpStatusError("complete", 503, "busy") for job in slow}
    for job in sorted(slow):
        results.picture(field.outbox, job)
    field.delivery.start()
    eventually("the uploads began", lambda: len(field.studio.attempts) == len(slow), timeout=WAIT)
    assert not field.delivery.flush(WAIT)
    field.studio.faults = {}
    field.studio.holding |= slow
    field.now += 400.0
    eventually(
        "the uploads began",
        lambda: len(field.studio.attempts) == len(slow) + SENDERS - 1,
        timeout=WAIT,
    )
    field.delivery.submit(results.picture(field.outbox, "new"))
    assert field.wait_settled() == [("new", "delivered")]


def test_everything_ends_at_the_stop(busy: Field) -> None:
    busy.stop.set()
    assert busy.delivery.join(WAIT)
    assert sorted(entry.job_id for entry in busy.outbox.pending()) == ["slow-1", "slow-2"]
    assert all(entry.manifest.attempts == 0 for entry in busy.outbox.pending())


states = st.builds(
    State,
    job_id=st.sampled_from("abcdef"),
    is_json=st.just(False),
    bytes=st.just(1),
    has_failed=st.booleans(),
)


@given(state=states, others=st.lists(states, max_size=4), senders=st.integers(1, 4))
def test_what_may_go_beside_what_is_on_its_way(
    state: State, others: list[State], senders: int
) -> None:
    if has_sender(state, others, senders):
        assert len(others) < senders
        assert state.job_id not in {other.job_id for other in others}
        if state.has_failed and senders > 1:
            assert sum(other.has_failed for other in others) < senders - 1
    elif not state.has_failed:
        taken = state.job_id in {other.job_id for other in others}
        assert taken or len(others) >= senders
