"""Every frame against literal JSON, both directions (protocol §3)."""

from __future__ import annotations

import json

import msgspec
import pytest

from studio_worker_core.errors import BadFrame
from studio_worker_core.wire.capabilities import EngineInfo
from studio_worker_core.wire.codec import (
    decode_worker_frame,
    encode,
    encode_text,
    read_studio_frame,
)
from studio_worker_core.wire.frames import (
    CompleteJson,
    Heartbeat,
    Hello,
    Offer,
    StudioFrame,
    WorkerFrame,
)
from studio_worker_core.wire.models import CliDefaults
from studio_worker_core.wire.tasks import ImageTask, TaskKind
from tests.wire.frame_examples import (
    CAPABILITIES,
    CAPABILITIES_JSON,
    CLAIM_JSON,
    STUDIO_FRAMES,
    WORKER_FRAMES,
)

Frame = WorkerFrame | StudioFrame
FRAMES: list[tuple[Frame, str]] = [*WORKER_FRAMES, *STUDIO_FRAMES]

ids = [type(frame).__name__ for frame, _ in FRAMES]
worker = pytest.mark.parametrize(("frame", "text"), WORKER_FRAMES, ids=ids[: len(WORKER_FRAMES)])
studio = pytest.mark.parametrize(("frame", "text"), STUDIO_FRAMES, ids=ids[len(WORKER_FRAMES) :])
both = pytest.mark.parametrize(("frame", "text"), FRAMES, ids=ids)


@both
def test_a_frame_is_written_as_the_protocol_says(frame: Frame, text: str) -> None:
    assert json.loads(encode(frame)) == json.loads(text)
    assert encode_text(frame).encode() == encode(frame)


@worker
def test_a_studio_reads_what_a_worker_says(frame: Frame, text: str) -> None:
    assert decode_worker_frame(text) == frame


@studio
def test_a_worker_reads_what_a_studio_says(frame: Frame, text: str) -> None:
    assert read_studio_frame(text).frame == frame


def read(frame: Frame, text: str) -> Frame:
    from_worker = any(type(frame) is type(known) for known, _ in WORKER_FRAMES)
    return decode_worker_frame(text) if from_worker else read_studio_frame(text).frame


@both
def test_unknown_keys_are_ignored(frame: Frame, text: str) -> None:
    raw = json.loads(text)
    raw["brandNew"] = {"deep": [1, None]}
    for inner in ("claim", "capabilities"):
        if inner in raw:
            raw[inner]["brandNew"] = None
    assert read(frame, json.dumps(raw)) == frame


@both
def test_a_null_reads_as_an_absent_key(frame: Frame, text: str) -> None:
    raw = json.loads(text)
    with_nulls = dict(raw)
    for field in msgspec.structs.fields(type(frame)):
        if not field.required:
            with_nulls.setdefault(field.encode_name, None)
    assert read(frame, json.dumps(with_nulls)) == frame


@both
def test_absent_means_absent_when_writing(frame: Frame, text: str) -> None:
    raw = json.loads(encode(frame))
    if isinstance(frame, CompleteJson):
        raw.pop("result")
    assert "null" not in json.dumps(raw)


@both
def test_a_missing_required_key_is_a_bad_frame(frame: Frame, text: str) -> None:
    for field in msgspec.structs.fields(type(frame)):
        if field.required:
            raw = json.loads(text)
            del raw[field.encode_name]
            with pytest.raises(BadFrame) as bad:
                read(frame, json.dumps(raw))
            assert bad.value.frame_type == raw["type"]


@both
def test_a_null_in_a_required_key_is_a_bad_frame(frame: Frame, text: str) -> None:
    for field in msgspec.structs.fields(type(frame)):
        if field.required and field.name != "result":
            raw = json.loads(text)
            raw[field.encode_name] = None
            with pytest.raises(BadFrame):
                read(frame, json.dumps(raw))


def test_nulls_deep_in_a_claim_read_as_absent() -> None:
    raw = json.loads(CLAIM_JSON)
    raw["gameId"] = raw["assetName"] = raw["vramGbEstimate"] = None
    raw["task"].update(width=None, negativePrompt=None, steps=None, ext=None)
    raw["modelSource"]["files"][0]["sha256"] = None
    raw["modelSource"]["cliDefaults"] = None
    frame = read_studio_frame(json.dumps({"type": "offer", "claim": raw})).frame
    assert isinstance(frame, Offer)
    assert frame.claim.task == ImageTask("a cat", seed=7)
    assert frame.claim.model_source.cli_defaults == CliDefaults()
    assert frame.claim.vram_gb_estimate == 0.0


def test_nulls_in_free_form_values_are_kept() -> None:
    text = (
        '{"type":"completeJson","jobId":"j","prompt":null,"result":{"a":null,"b":[null]},'
        '"other":null}'
    )
    frame = decode_worker_frame(text)
    assert frame == CompleteJson("j", {"a": None, "b": [None]})
    offer = json.loads('{"type":"offer","claim":' + CLAIM_JSON + "}")
    offer["claim"]["gameId"] = None
    offer["claim"]["vramGbEstimate"] = None
    offer["claim"]["modelSource"]["cliDefaults"]["chatTemplateKwargs"] = {"a": None}
    read_back = read_studio_frame(json.dumps(offer)).frame
    assert isinstance(read_back, Offer)
    assert read_back.claim.model_source.cli_defaults.chat_template_kwargs == {"a": None}


def test_hello_never_shows_its_token() -> None:
    frame = Hello("top-secret", CAPABILITIES)
    assert "top-secret" not in repr(frame)
    assert "top-secret" not in f"{frame} {frame!s} {[frame]}"


def test_engine_details_and_features_are_written_in_camel_case() -> None:
    full = msgspec.structs.replace(
        CAPABILITIES,
        auto_update=True,
        start_minimised=False,
        only_when_idle=True,
        user_presence="idle",
        extensions={"png": "image/png"},
        engines=[EngineInfo("synthetic", "1", [TaskKind.IMAGE])],
        features=["cancel"],
        traits={"synthetic.fast": True},
    )
    raw = json.loads(encode(full))
    assert {key: raw[key] for key in raw.keys() - json.loads(CAPABILITIES_JSON).keys()} == {
        "autoUpdate": True,
        "startMinimised": False,
        "onlyWhenIdle": True,
        "userPresence": "idle",
        "extensions": {"png": "image/png"},
        "engines": [{"name": "synthetic", "version": "1", "kinds": ["image"]}],
        "features": ["cancel"],
        "traits": {"synthetic.fast": True},
    }
    frame = decode_worker_frame(encode_text(Heartbeat(full)))
    assert frame == Heartbeat(full)
