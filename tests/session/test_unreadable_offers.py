"""Every offer whose job can be made out is answered, whatever else is wrong with it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio_worker_core.errors import BadFrame
from studio_worker_core.session import machine
from studio_worker_core.wire.codec import encode_text, read_studio_frame
from studio_worker_core.wire.frames import Fail
from studio_worker_core.wire.glimpse import glimpse

TASK = '{"kind":"image","prompt":"p"}'
SOURCE = '{"engine":"toy","files":[]}'


def _offer(job_id: str = '"job-7"', task: str = TASK, extra: str = "") -> str:
    claim = f'{extra}"jobId":{job_id},"model":"m","task":{task},"modelSource":{SOURCE}'
    return f'{{"type":"offer","claim":{{{claim}}}}}'


def _effects(text: str) -> tuple[machine.Effect, ...]:
    opened = machine.State(machine.SessionPhase.OPEN, 0.0, 5.0, 1.0)
    try:
        event: machine.Event = machine.Arrived(read_studio_frame(text).frame, 1.0)
    except BadFrame as error:
        event = machine.Unreadable(error, 1.0)
    return machine.step(opened, event)[1]


@pytest.mark.parametrize(
    "text",
    [
        _offer(extra='"assetName":"\\ud800",'),
        _offer(extra='"assetName":"\ud800",'),
        _offer(extra='"vramGbEstimate":NaN,'),
        _offer(extra='"vramGbEstimate":-Infinity,'),
        _offer(extra='"vramGbEstimate":' + "9" * 400 + ","),
        _offer(extra='"vramGbEstimate":1e999,'),
        _offer(extra='"deep":' + "[" * 1500 + "]" * 1500 + ","),
        _offer(extra='"deep":' + '{"jobId":"x","claim":' * 1500 + "1" + "}" * 1500 + ","),
        _offer(extra='"note":"a raw \n line end",'),
        _offer(task='{"kind":"dance"}'),
        _offer(task="7"),
        _offer()[:-40],
    ],
)
def test_an_offer_with_something_wrong_is_answered(text: str) -> None:
    (effect,) = _effects(text)
    assert isinstance(effect, machine.BadOffer)
    assert effect.job_id == "job-7"


@pytest.mark.parametrize(
    "job_id", [".", "..", "/", "a\nb", "\x1b[2J", "\x00", "\ud800", " ", "x" * 5000]
)
def test_a_job_id_that_cannot_be_used_is_refused_and_echoed_as_it_came(job_id: str) -> None:
    (effect,) = _effects(_offer(json.dumps(job_id)))
    assert isinstance(effect, machine.BadOffer)
    assert effect.job_id == job_id
    answer = json.loads(encode_text(Fail(job_id, effect.reason, retryable=False)))
    assert answer["jobId"] == job_id


_any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(
    st.text(st.characters(), min_size=1, max_size=300).filter(lambda text: bool(text.strip())),
    st.dictionaries(st.text(), _any_json, max_size=5),
    st.dictionaries(st.text(), _any_json, max_size=5),
    st.booleans(),
)
def test_no_offer_with_a_job_id_is_left_without_an_effect(
    job_id: str, claim: dict[str, Any], frame: dict[str, Any], ascii_only: bool
) -> None:
    frame |= {"type": "offer", "claim": claim | {"jobId": job_id}}
    (effect,) = _effects(json.dumps(frame, ensure_ascii=ascii_only))
    match effect:
        case machine.BadOffer(found, _):
            assert found == job_id
        case machine.Tell(offer):
            assert offer.claim.job_id == job_id  # type: ignore[union-attr]
        case _:
            pytest.fail(f"{effect} for an offer")


@given(st.text() | st.binary().map(lambda data: data.decode("latin-1")))
def test_no_text_at_all_ends_the_reading(text: str) -> None:
    glimpse(text)
    try:
        read_studio_frame(text)
    except BadFrame:
        return


def test_a_million_levels_hide_no_job_id() -> None:
    deep = "[" * 1_000_000 + "]" * 1_000_000
    assert glimpse(_offer(extra=f'"deep":{deep},')).job_id == "job-7"
