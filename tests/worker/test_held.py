"""The job a worker holds."""

from __future__ import annotations

import pytest

from studio_worker_core.wire.frames import Claim
from studio_worker_core.wire.models import ModelSource
from studio_worker_core.wire.tasks import ImageTask
from studio_worker_core.worker.held import HeldJob, StopReason


@pytest.fixture
def held() -> HeldJob:
    source = ModelSource(engine="synthetic")
    claim = Claim(job_id="job-1", model="m", task=ImageTask(prompt="p"), model_source=source)
    return HeldJob(claim, 1)


def test_the_first_reason_to_stop_stands(held: HeldJob) -> None:
    held.stop(StopReason.STUDIO)
    held.stop(StopReason.SHUTDOWN)
    assert held.stop_reason is StopReason.STUDIO
    assert held.cancel.is_set()


def test_no_session_speaks_for_a_job_whose_session_is_gone(held: HeldJob) -> None:
    numbers = [held.session_number]
    held.session_lost(1)
    numbers.append(held.session_number)
    held.resumed_on(2)
    numbers.append(held.session_number)
    assert numbers == [1, None, 2]


def test_the_late_end_of_an_older_session_takes_nothing_away(held: HeldJob) -> None:
    held.resumed_on(2)
    held.session_lost(1)
    assert held.session_number == 2
