"""Offers, acknowledgements and reconnects."""

from __future__ import annotations

import pytest

from studio_worker_core.jobs.job import Job, Source, StopReason
from studio_worker_core.wire.frames import Accept, Fail, Reject
from studio_worker_core.wire.generation import GenerationMeta
from studio_worker_core.wire.models import ModelSource
from studio_worker_core.wire.tasks import ImageTask
from tests.worker.conftest import Shop

MADE = GenerationMeta(engine="toy", seed=5)


def test_an_offer_is_accepted_and_its_result_delivered(shop: Shop) -> None:
    session = shop.session(1)
    shop.studio.on_offer(session, shop.claim())
    assert shop.uploaded.wait(60)
    assert session.wait_frame(Accept) == Accept("job-1")
    assert shop.slots.wait_idle(60)


@pytest.mark.parametrize("features", [frozenset({"meta"}), frozenset({"resume"})])
def test_how_a_result_was_made_is_kept_for_a_studio_that_wants_to_know(
    shop: Shop, features: frozenset[str]
) -> None:
    session = shop.session(1, features=features)
    shop.studio.on_offer(session, shop.claim())
    shop.finish()
    (entry,) = shop.entries
    assert entry.manifest.meta == (MADE if "meta" in features else None)
    assert shop.leases.takes_meta == ("meta" in features)


def test_a_second_offer_is_turned_down_as_busy(shop: Shop) -> None:
    shop.work = shop.until_cancelled
    session = shop.session(1)
    shop.studio.on_offer(session, shop.claim())
    shop.studio.on_offer(session, shop.claim("job-2"))
    assert session.wait_frame(Reject) == Reject("job-2", "busy with job job-1", "busy")


def test_an_offer_that_is_not_wanted_is_turned_down_with_the_reason(shop: Shop) -> None:
    session = shop.session(1)
    shop.not_taking = "the worker is paused"
    shop.studio.on_offer(session, shop.claim())
    assert session.frames == [Reject("job-1", "the worker is paused", "paused")]
    assert shop.slots.jobs() == []


def test_a_job_too_large_for_this_machine_goes_to_others(shop: Shop) -> None:
    session = shop.session(1)
    shop.too_large = "needs 20 GB"
    shop.studio.on_offer(session, shop.claim())
    assert session.frames == [Reject("job-1", "needs 20 GB", "insufficient_memory")]


def test_an_accept_that_cannot_be_sent_leaves_the_slot_free(shop: Shop) -> None:
    session = shop.session(1)
    session.over = True
    shop.studio.on_offer(session, shop.claim())
    assert shop.slots.jobs() == []
    assert shop.leases.job_ids() == []
    assert not shop.running.is_set()


def test_a_running_job_is_named_unfinished_and_current(shop: Shop) -> None:
    shop.work = shop.until_cancelled
    session = shop.session(1)
    shop.studio.on_offer(session, shop.claim())
    assert shop.studio.current_job_id() == "job-1"
    assert shop.studio.unfinished_jobs() == ["job-1"]


def test_a_result_on_its_way_is_named_until_it_has_arrived(shop: Shop) -> None:
    shop.may_upload.clear()
    shop.studio.on_offer(shop.session(1), shop.claim())
    assert shop.running.wait(60)
    assert shop.slots.wait_idle(60)
    assert shop.studio.unfinished_jobs() == ["job-1"]
    assert shop.studio.current_job_id() == "job-1"
    shop.may_upload.set()
    assert shop.delivery.flush(60)
    assert shop.studio.unfinished_jobs() == []


def test_a_resumed_job_goes_on_and_may_be_spoken_of(shop: Shop) -> None:
    shop.work = shop.until_cancelled
    first = shop.session(1)
    shop.studio.on_offer(first, shop.claim())
    shop.studio.on_closed(first)
    job = shop.job
    assert shop.speaker() is None
    second = shop.session(2, resume=("job-1",))
    assert shop.speaker() is second
    assert not job.cancel.is_set()


def test_a_job_the_studio_gave_away_is_stopped_without_a_word(shop: Shop) -> None:
    shop.work = shop.until_cancelled
    first = shop.session(1)
    shop.studio.on_offer(first, shop.claim())
    shop.studio.on_closed(first)
    job = shop.job
    second = shop.session(2)
    assert shop.slots.wait_idle(60)
    assert job.stop_reason is StopReason.TAKEN_BACK
    assert second.frames == []


def test_a_job_goes_on_when_a_studio_cannot_say_whether_it_still_holds_it(shop: Shop) -> None:
    shop.work = shop.until_cancelled
    first = shop.session(1, features=frozenset())
    shop.studio.on_offer(first, shop.claim())
    shop.studio.on_closed(first)
    shop.session(2, features=frozenset())
    job = shop.job
    assert not job.cancel.is_set()
    assert shop.leases.is_ours("job-1") is None


def test_only_what_was_resumed_or_accepted_is_ours(shop: Shop) -> None:
    session = shop.session(1, resume=("old",))
    assert shop.leases.is_ours("old") is None
    assert shop.leases.is_ours("other") is False
    shop.studio.on_offer(session, shop.claim())
    assert shop.leases.is_ours("job-1") is None


def test_a_cancel_stops_the_job_it_names_and_no_other(shop: Shop) -> None:
    shop.work = shop.until_cancelled
    session = shop.session(1)
    shop.studio.on_offer(session, shop.claim())
    job = shop.job
    shop.studio.on_cancel("job-7")
    assert not job.cancel.is_set()
    shop.studio.on_cancel("job-1")
    assert session.wait_frame(Fail) == Fail("job-1", "cancelled", False)


def test_a_local_job_is_never_named_to_the_studio(shop: Shop) -> None:
    session = shop.session(1)
    source = ModelSource(engine="toy")
    task = ImageTask(prompt="p")
    local = Job("local-1", Source.LOCAL, model="m", task=task, model_source=source)
    slot = shop.slots.try_acquire(local)
    assert slot is not None
    with slot:
        assert shop.studio.current_job_id() is None
        assert shop.studio.unfinished_jobs() == []
        shop.studio.on_cancel("local-1")
        assert local.stop_reason is None, "it is not the studio's to cancel"
        shop.studio.on_offer(session, shop.claim())
    assert session.frames == [Reject("job-1", "busy with a job of this machine", "busy")]
