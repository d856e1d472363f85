"""Hostile input never raises anything but the documented errors; round trips lose nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studio_worker_core.errors import BadFrame, WireError
from studio_worker_core.wire.capabilities import Capabilities
from studio_worker_core.wire.codec import (
    decode,
    decode_worker_frame,
    encode,
    encode_text,
    read_studio_frame,
)
from studio_worker_core.wire.frames import (
    Accept,
    Cancel,
    Claim,
    CompleteAck,
    CompleteJson,
    ErrorFrame,
    Fail,
    FailAck,
    Heartbeat,
    HeartbeatAck,
    Hello,
    LogBatch,
    LogEntry,
    Offer,
    Progress,
    ReadyForMore,
    Reject,
    StudioFrame,
    Welcome,
    WorkerFrame,
)
from studio_worker_core.wire.models import CliDefaults, ModelFile, ModelSource
from studio_worker_core.wire.registration import RegisterRequest, RegistrationDecision
from studio_worker_core.wire.tasks import (
    AudioSttTask,
    AudioTtsTask,
    ChatMessage,
    ImageTask,
    LlmTask,
    TaskKind,
    VideoTask,
)

# Text as JSON can carry it; surrogates have a test of their own.
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
words = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)
names = st.from_regex(r"\A[a-z0-9]{1,8}\Z")
fractions = st.floats(0, 1)
sides = st.integers(1, 16384)
free_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | fractions | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
capabilities = st.builds(
    Capabilities,
    machine_name=texts,
    username=texts,
    agent_version=texts,
    engine=texts,
    vram_total_gb=st.floats(0, 1000),
    vram_threshold_gb=st.floats(0, 1000),
    auto_enabled=st.booleans(),
    auto_start=st.booleans(),
    supported_models=st.lists(texts, max_size=3),
    task_kinds=st.lists(st.sampled_from(TaskKind), max_size=3),
    supported_models_per_kind=st.dictionaries(
        st.sampled_from(TaskKind), st.lists(texts, max_size=2), max_size=2
    ),
    auto_update=st.none() | st.booleans(),
    user_presence=st.none() | st.sampled_from(["idle", "active"]),
    extensions=st.none() | st.dictionaries(names, st.just("image/png"), max_size=2),
    features=st.none() | st.lists(texts, max_size=2),
    traits=st.none() | st.dictionaries(texts, free_json, max_size=2),
)
tasks = st.one_of(
    st.builds(
        ImageTask,
        prompt=texts,
        negative_prompt=st.none() | texts,
        denoise=st.none() | fractions,
        width=sides,
        height=sides,
        seed=st.none() | st.integers(-(2**63), 2**63 - 1),
        ext=names,
    ),
    st.builds(
        LlmTask,
        messages=st.lists(st.builds(ChatMessage, words, texts), max_size=3),
        stop=st.none() | texts | st.lists(texts, max_size=2),
        json_schema=free_json,
        reasoning=free_json,
        chat_template_kwargs=st.none() | st.dictionaries(texts, free_json, max_size=2),
    ),
    st.builds(AudioSttTask, words, timestamps=st.sampled_from([None, "segment", "word"])),
    st.builds(AudioTtsTask, texts, words, st.none() | st.floats(0.1, 10), ext=names),
    st.builds(VideoTask, texts, seconds=st.floats(0.1, 100), fps=st.none() | st.floats(1, 60)),
)
claims = st.builds(
    Claim,
    job_id=words,
    model=texts,
    task=tasks,
    model_source=st.builds(
        ModelSource,
        engine=words,
        files=st.lists(
            st.builds(ModelFile, words, words, words, st.none() | st.integers(0, 2**60)),
            max_size=2,
        ),
        cli_defaults=st.builds(
            CliDefaults,
            cfg_scale=st.none() | fractions,
            chat_template_kwargs=st.none() | st.dictionaries(texts, free_json, max_size=2),
        ),
    ),
    game_id=st.none() | texts,
    vram_gb_estimate=st.floats(0, 100),
)
worker_frames = st.one_of(
    st.builds(Hello, texts, capabilities, st.none() | st.lists(words, max_size=3)),
    st.builds(Heartbeat, capabilities, st.none() | words),
    st.builds(Accept, words),
    st.builds(Reject, words, texts, st.none() | texts),
    st.builds(CompleteJson, words, free_json, st.none() | texts),
    st.builds(Fail, words, texts, st.booleans()),
    st.builds(
        LogBatch,
        st.lists(st.builds(LogEntry, texts, texts, texts, texts, st.none() | words), max_size=3),
    ),
    st.builds(ReadyForMore),
    st.builds(Progress, words, fractions, st.none() | texts),
)
studio_frames = st.one_of(
    st.builds(Welcome, words, texts, st.lists(texts, max_size=3), st.lists(words, max_size=3)),
    st.builds(Offer, claims),
    st.builds(HeartbeatAck),
    st.builds(CompleteAck, words),
    st.builds(FailAck, words),
    st.builds(ErrorFrame, texts, texts),
    st.builds(Cancel, words),
)
tags = [
    "hello", "heartbeat", "accept", "reject", "completeJson", "fail", "logBatch", "progress",
    "welcome", "offer", "heartbeatAck", "completeAck", "failAck", "error", "cancel", "other",
]  # fmt: skip
keys = [
    "jobId", "claim", "capabilities", "authToken", "entries", "result", "fraction",
    "code", "message", "workerId", "serverTime", "features", "resume", "error",
]  # fmt: skip
near_frames = st.fixed_dictionaries(
    {"type": st.sampled_from(tags)}, optional=dict.fromkeys(keys, free_json)
)
near_offers = st.fixed_dictionaries(
    {"type": st.just("offer")},
    optional={
        "claim": st.fixed_dictionaries(
            {},
            optional=dict.fromkeys(("jobId", "model", "task", "modelSource"), free_json | words),
        )
    },
)


@given(worker_frames)
def test_every_worker_frame_survives_the_trip(frame: WorkerFrame) -> None:
    assert decode_worker_frame(encode_text(frame)) == frame


@given(studio_frames)
def test_every_studio_frame_survives_the_trip(frame: StudioFrame) -> None:
    assert read_studio_frame(encode_text(frame)).frame == frame


def error_of(read: Callable[[], Any]) -> Any:
    """The documented error of a reader, ``None`` when it could read; any other one escapes."""
    try:
        read()
    except WireError as error:
        return error
    return None


def read_anything(data: Any) -> None:
    """Whatever it is, only the documented errors come out."""
    for reader in (read_studio_frame, decode_worker_frame):
        bad = error_of(partial(reader, data))
        if bad is not None:
            assert isinstance(bad, BadFrame)
            assert bad.job_id is None or 0 < len(bad.job_id) <= 200
            assert bad.frame_type is None or len(bad.frame_type) <= 100
    kinds: tuple[Any, ...] = (RegisterRequest, RegistrationDecision, Claim, Capabilities)
    for kind in kinds:
        error = error_of(partial(decode, kind, data))
        assert error is None or error.reason


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    read_anything(text)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    read_anything(data)


@given(free_json)
def test_any_json_is_read_or_refused(value: Any) -> None:
    read_anything(json.dumps(value))


@settings(max_examples=300)
@given(near_frames | near_offers)
def test_anything_like_a_frame_is_read_or_refused(value: Any) -> None:
    read_anything(json.dumps(value))


@settings(max_examples=200)
@given(studio_frames | worker_frames, st.data())
def test_a_damaged_frame_is_read_or_refused(frame: Any, data: st.DataObject) -> None:
    raw = bytearray(encode(frame))
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    read_anything(bytes(raw))
    read_anything(bytes(raw).decode("utf-8", "replace"))


@given(claims, st.sampled_from(["task", "modelSource", "model"]), free_json)
def test_an_unreadable_offer_yields_its_job_whatever_is_wrong(
    claim: Claim, key: str, wrong: Any
) -> None:
    raw = json.loads(encode(claim))
    raw[key] = wrong
    bad = error_of(lambda: read_studio_frame(json.dumps({"type": "offer", "claim": raw})).frame)
    assert bad is None or (bad.frame_type, bad.job_id) == ("offer", claim.job_id)


@pytest.mark.parametrize("depth", [10, 100, 900, 1100, 100_000])
@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_deep_nesting_is_read_or_refused(depth: int, opening: str) -> None:
    closing = "]" if opening == "[" else "}"
    deep = opening * depth + "1" + closing * depth
    read_anything(deep)
    read_anything('{"type":"completeJson","jobId":"j","prompt":7,"result":' + deep + "}")
    read_anything('{"type":"offer","claim":{"jobId":"j","task":' + deep + "}}")


@given(st.text())
def test_any_text_can_be_sent(text: str) -> None:
    read = decode_worker_frame(encode_text(CompleteJson("j", {text: [text]}, text)))
    assert isinstance(read, CompleteJson)
    assert read.prompt == text.encode("utf-8", "replace").decode("utf-8")


def test_the_error_names_the_message_and_the_place() -> None:
    with pytest.raises(WireError, match=r"capabilities: .*autoEnabled") as error:
        decode(Capabilities, '{"autoEnabled":"yes"}', what="capabilities")
    assert error.value.what == "capabilities"
    with pytest.raises(WireError, match="Capabilities"):
        decode(Capabilities, "[]")
