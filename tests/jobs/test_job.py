"""A job and the way to stop it."""

from __future__ import annotations

import pytest

from studio_worker_core.errors import EngineFailed, JobCancelled
from studio_worker_core.jobs.job import Job, Source, StopReason
from studio_worker_core.jobs.listener import Failure
from studio_worker_core.wire.models import ModelSource
from studio_worker_core.wire.tasks import ImageTask


@pytest.fixture
def job() -> Job:
    source = ModelSource(engine="synthetic")
    return Job("job-1", Source.STUDIO, model="m", task=ImageTask(prompt="p"), model_source=source)


def test_the_first_reason_to_stop_stands(job: Job) -> None:
    job.stop(StopReason.CANCELLED)
    job.stop(StopReason.SHUTDOWN)
    assert job.stop_reason is StopReason.CANCELLED
    assert job.cancel.is_set()


@pytest.mark.parametrize("reason", StopReason)
def test_what_is_stopped_says_why_and_only_a_cancellation_is_final(
    job: Job, reason: StopReason
) -> None:
    job.stop(reason)
    failure = Failure.of(job, JobCancelled("cancelled"))
    assert failure == Failure(reason.value, reason is not StopReason.CANCELLED, reason)


def test_a_failure_while_stopping_is_told_as_it_is(job: Job) -> None:
    job.stop(StopReason.SHUTDOWN)
    assert Failure.of(job, EngineFailed("it died")) == Failure("it died", True)
