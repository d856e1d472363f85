"""What a claim asks for, in one line."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from studio_worker_core.outbox import task_digest
from studio_worker_core.wire.frames import Claim
from studio_worker_core.wire.models import CliDefaults, ModelSource
from studio_worker_core.wire.tasks import ImageTask

tasks = st.builds(
    ImageTask,
    prompt=st.sampled_from(["a", "b"]),
    seed=st.none() | st.integers(0, 2),
    width=st.sampled_from([64, 128]),
    init_image_url=st.sampled_from([None, "https://x/a.png", "https://x/b.png"]),
)
claims = st.builds(
    Claim,
    job_id=st.sampled_from(["j", "k"]),
    model=st.sampled_from(["m", "n"]),
    task=tasks,
    model_source=st.builds(
        ModelSource,
        engine=st.just("e"),
        cli_defaults=st.builds(CliDefaults, steps=st.sampled_from([4, 8])),
    ),
)


@given(one=claims, other=claims)
def test_two_claims_have_one_digest_exactly_when_they_ask_for_the_same(
    one: Claim, other: Claim
) -> None:
    same = (one.task, one.model, one.model_source) == (other.task, other.model, other.model_source)
    assert (task_digest(one) == task_digest(other)) is same


@given(claim=claims)
def test_a_digest_does_not_change_on_the_way_over_the_wire(claim: Claim) -> None:
    again = msgspec.json.decode(msgspec.json.encode(claim), type=Claim)
    assert task_digest(again) == task_digest(claim)
