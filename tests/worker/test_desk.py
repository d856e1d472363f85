"""Offers, acknowledgements and reconnects at the desk."""

from __future__ import annotations

from typing import Any

from studio_worker_core.wire.frames import Accept, Fail, Reject
from studio_worker_core.worker.held import HeldJob, StopReason


def test_an_offer_is_accepted_and_its_result_delivered(shop: Any) -> None:
    session = shop.session(1)
    shop.desk.on_offer(session, shop.claim())
    assert shop.uploaded.wait(20)
    assert session.wait_frame(Accept) == Accept("job-1")
    assert shop.gate.wait_free(20)


def test_a_second_offer_is_turned_down_as_busy(shop: Any) -> None:
    shop.work = shop.until_cancelled
    session = shop.session(1)
    shop.desk.on_offer(session, shop.claim())
    shop.desk.on_offer(session, shop.claim("job-2"))
    assert session.wait_frame(Reject) == Reject("job-2", "busy with job job-1", "busy")


def test_an_offer_that_is_not_wanted_is_turned_down_with_the_reason(shop: Any) -> None:
    session = shop.session(1)
    shop.not_taking = "the worker is paused"
    shop.desk.on_offer(session, shop.claim())
    assert session.frames == [Reject("job-1", "the worker is paused", "paused")]
    assert shop.gate.holder is None


def test_a_job_too_large_for_this_machine_goes_to_others(shop: Any) -> None:
    session = shop.session(1)
    shop.too_large = "needs 20 GB"
    shop.desk.on_offer(session, shop.claim())
    assert session.frames == [Reject("job-1", "needs 20 GB", None)]


def test_an_accept_that_cannot_be_sent_leaves_the_gate_open(shop: Any) -> None:
    session = shop.session(1)
    session.over = True
    shop.desk.on_offer(session, shop.claim())
    assert shop.gate.holder is None
    assert shop.desk.held is None
    assert not shop.running.is_set()


def test_a_running_job_is_named_unfinished_and_current(shop: Any) -> None:
    shop.work = shop.until_cancelled
    session = shop.session(1)
    shop.desk.on_offer(session, shop.claim())
    assert shop.desk.current_job_id() == "job-1"
    assert shop.desk.unfinished_jobs() == ["job-1"]


def test_a_result_on_its_way_is_named_until_it_has_arrived(shop: Any) -> None:
    shop.may_upload.clear()
    shop.desk.on_offer(shop.session(1), shop.claim())
    assert shop.running.wait(20)
    assert shop.gate.wait_free(20)
    assert shop.desk.unfinished_jobs() == ["job-1"]
    assert shop.desk.current_job_id() == "job-1"
    shop.may_upload.set()
    assert shop.delivery.flush(20)
    assert shop.desk.unfinished_jobs() == []


def test_a_resumed_job_goes_on_and_may_be_spoken_of(shop: Any) -> None:
    shop.work = shop.until_cancelled
    first = shop.session(1)
    shop.desk.on_offer(first, shop.claim())
    shop.desk.on_closed(first)
    held: HeldJob = shop.desk.held
    assert shop.desk.session_for(held) is None
    second = shop.session(2, resume=("job-1",))
    assert shop.desk.session_for(held) is second
    assert not held.cancel.is_set()


def test_a_job_the_studio_gave_away_is_stopped_without_a_word(shop: Any) -> None:
    shop.work = shop.until_cancelled
    first = shop.session(1)
    shop.desk.on_offer(first, shop.claim())
    shop.desk.on_closed(first)
    held: HeldJob = shop.desk.held
    second = shop.session(2)
    assert shop.gate.wait_free(20)
    assert held.stop_reason is StopReason.TAKEN_BACK
    assert second.frames == []


def test_a_job_goes_on_when_a_studio_cannot_say_whether_it_still_holds_it(shop: Any) -> None:
    shop.work = shop.until_cancelled
    first = shop.session(1, features=frozenset())
    shop.desk.on_offer(first, shop.claim())
    shop.desk.on_closed(first)
    shop.session(2, features=frozenset())
    held: HeldJob = shop.desk.held
    assert not held.cancel.is_set()
    assert shop.desk.is_ours("job-1") is None


def test_only_what_was_resumed_or_accepted_is_ours(shop: Any) -> None:
    session = shop.session(1, resume=("old",))
    assert shop.desk.is_ours("old") is None
    assert shop.desk.is_ours("other") is False
    shop.desk.on_offer(session, shop.claim())
    assert shop.desk.is_ours("job-1") is None


def test_a_cancel_stops_the_job_it_names_and_no_other(shop: Any) -> None:
    shop.work = shop.until_cancelled
    session = shop.session(1)
    shop.desk.on_offer(session, shop.claim())
    held: HeldJob = shop.desk.held
    shop.desk.on_cancel(session, "job-7")
    assert not held.cancel.is_set()
    shop.desk.on_cancel(session, "job-1")
    assert session.wait_frame(Fail) == Fail("job-1", "cancelled", False)
