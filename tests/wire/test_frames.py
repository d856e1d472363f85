"""Every frame against literal JSON, both directions (protocol §3)."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from studio_worker_core.errors import BadFrame
from studio_worker_core.wire.bounds import MAX_FRAME_BYTES
from studio_worker_core.wire.capabilities import Capabilities, EngineInfo
from studio_worker_core.wire.codec import (
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
    Welcome,
)
from studio_worker_core.wire.models import CliDefaults, ModelFile, ModelSource
from studio_worker_core.wire.tasks import AudioSttTask, ImageTask, TaskKind

CAPABILITIES = Capabilities(
    machine_name="box",
    username="someone",
    agent_version="1.2.3",
    engine="multi",
    vram_total_gb=24.0,
    vram_threshold_gb=8.0,
    auto_enabled=True,
    auto_start=False,
    supported_models=["synthetic"],
    task_kinds=[TaskKind.IMAGE, TaskKind.AUDIO_TTS],
    supported_models_per_kind={TaskKind.IMAGE: ["synthetic"]},
)
CAPABILITIES_JSON = """{"machineName":"box","username":"someone","agentVersion":"1.2.3",
    "engine":"multi","vramTotalGb":24.0,"vramThresholdGb":8.0,"autoEnabled":true,
    "autoStart":false,"supportedModels":["synthetic"],"taskKinds":["image","audio_tts"],
    "supportedModelsPerKind":{"image":["synthetic"]}}"""

WORKER_FRAMES: list[tuple[Any, str]] = [
    (
        Hello("tok", CAPABILITIES),
        '{"type":"hello","authToken":"tok","capabilities":' + CAPABILITIES_JSON + "}",
    ),
    (
        Hello("tok", CAPABILITIES, []),
        '{"type":"hello","authToken":"tok","unfinishedJobs":[],"capabilities":'
        + CAPABILITIES_JSON
        + "}",
    ),
    (
        Heartbeat(CAPABILITIES),
        '{"type":"heartbeat","capabilities":' + CAPABILITIES_JSON + "}",
    ),
    (
        Heartbeat(CAPABILITIES, "j1"),
        '{"type":"heartbeat","currentJobId":"j1","capabilities":' + CAPABILITIES_JSON + "}",
    ),
    (Accept("j1"), '{"type":"accept","jobId":"j1"}'),
    (
        Reject("j1", "on a job", "busy"),
        '{"type":"reject","jobId":"j1","reason":"on a job","code":"busy"}',
    ),
    (Reject("j1", "no room"), '{"type":"reject","jobId":"j1","reason":"no room"}'),
    (
        CompleteJson("j1", {"text": "hi", "n": [1, None, 2.5]}, "user: hi"),
        '{"type":"completeJson","jobId":"j1","result":{"text":"hi","n":[1,null,2.5]},'
        '"prompt":"user: hi"}',
    ),
    (CompleteJson("j1", None), '{"type":"completeJson","jobId":"j1","result":null}'),
    (
        Fail("j1", "out of memory", retryable=True),
        '{"type":"fail","jobId":"j1","error":"out of memory","retryable":true}',
    ),
    (
        LogBatch(
            [
                LogEntry("2026-01-02T03:04:05.678Z", "info", "jobs", "started", "j1"),
                LogEntry("2026-01-02T03:04:06Z", "warn", "http", "slow"),
            ]
        ),
        '{"type":"logBatch","entries":[{"ts":"2026-01-02T03:04:05.678Z","level":"info",'
        '"category":"jobs","message":"started","jobId":"j1"},{"ts":"2026-01-02T03:04:06Z",'
        '"level":"warn","category":"http","message":"slow"}]}',
    ),
    (ReadyForMore(), '{"type":"readyForMore"}'),
    (
        Progress("j1", 0.25, "step 5 of 20"),
        '{"type":"progress","jobId":"j1","fraction":0.25,"message":"step 5 of 20"}',
    ),
    (Progress("j1", 1.0), '{"type":"progress","jobId":"j1","fraction":1.0}'),
]

CLAIM = Claim(
    "j1",
    "some-model",
    ImageTask("a cat", width=640, ext="png", seed=7),
    ModelSource(
        "sd-cpp",
        [ModelFile("diffusion-model", "https://host/a.gguf", "a.gguf", 123, "ab" * 32)],
        CliDefaults(cfg_scale=3.5, steps=4),
    ),
    "game",
    "game/kind/name",
    4.5,
)
CLAIM_JSON = (
    '{"jobId":"j1","gameId":"game","assetName":"game/kind/name","model":"some-model",'
    '"vramGbEstimate":4.5,"task":{"kind":"image","prompt":"a cat","width":640,"ext":"png",'
    '"seed":7},"modelSource":{"engine":"sd-cpp","files":[{"role":"diffusion-model",'
    '"url":"https://host/a.gguf","filename":"a.gguf","approxBytes":123,"sha256":"'
    + "ab" * 32
    + '"}],"cliDefaults":{"cfgScale":3.5,"steps":4}}}'
)

STUDIO_FRAMES: list[tuple[Any, str]] = [
    (
        Welcome("w1", "2026-01-02T03:04:05Z"),
        '{"type":"welcome","workerId":"w1","serverTime":"2026-01-02T03:04:05Z"}',
    ),
    (
        Welcome("w1", "now", ["cancel", "resume"], ["j1"]),
        '{"type":"welcome","workerId":"w1","serverTime":"now","features":["cancel","resume"],'
        '"resume":["j1"]}',
    ),
    (Offer(CLAIM), '{"type":"offer","claim":' + CLAIM_JSON + "}"),
    (
        Offer(Claim("j2", "m", AudioSttTask("https://h/a.wav"), ModelSource("parakeet"))),
        '{"type":"offer","claim":{"jobId":"j2","model":"m","task":{"kind":"audio_stt",'
        '"inputUrl":"https://h/a.wav"},"modelSource":{"engine":"parakeet","files":[],"cliDefaults":{}}}}',
    ),
    (HeartbeatAck(), '{"type":"heartbeatAck"}'),
    (CompleteAck("j1"), '{"type":"completeAck","jobId":"j1"}'),
    (FailAck("j1"), '{"type":"failAck","jobId":"j1"}'),
    (
        ErrorFrame("duplicate_worker", "a newer socket"),
        '{"type":"error","code":"duplicate_worker","message":"a newer socket"}',
    ),
    (Cancel("j1"), '{"type":"cancel","jobId":"j1"}'),
]

ids = [type(frame).__name__ for frame, _ in WORKER_FRAMES + STUDIO_FRAMES]
worker = pytest.mark.parametrize(("frame", "text"), WORKER_FRAMES, ids=ids[: len(WORKER_FRAMES)])
studio = pytest.mark.parametrize(("frame", "text"), STUDIO_FRAMES, ids=ids[len(WORKER_FRAMES) :])
both = pytest.mark.parametrize(("frame", "text"), WORKER_FRAMES + STUDIO_FRAMES, ids=ids)


@both
def test_a_frame_is_written_as_the_protocol_says(frame: Any, text: str) -> None:
    assert json.loads(encode(frame)) == json.loads(text)
    assert encode_text(frame).encode() == encode(frame)


@worker
def test_a_studio_reads_what_a_worker_says(frame: Any, text: str) -> None:
    assert decode_worker_frame(text) == frame


@studio
def test_a_worker_reads_what_a_studio_says(frame: Any, text: str) -> None:
    assert read_studio_frame(text).frame == frame


def read(frame: Any, text: str) -> Any:
    from_worker = any(type(frame) is type(known) for known, _ in WORKER_FRAMES)
    return decode_worker_frame(text) if from_worker else read_studio_frame(text).frame


@both
def test_unknown_keys_are_ignored(frame: Any, text: str) -> None:
    raw = json.loads(text)
    raw["brandNew"] = {"deep": [1, None]}
    for inner in ("claim", "capabilities"):
        if inner in raw:
            raw[inner]["brandNew"] = None
    assert read(frame, json.dumps(raw)) == frame


@both
def test_a_null_reads_as_an_absent_key(frame: Any, text: str) -> None:
    raw = json.loads(text)
    with_nulls = dict(raw)
    for field in msgspec.structs.fields(type(frame)):
        if not field.required:
            with_nulls.setdefault(field.encode_name, None)
    assert read(frame, json.dumps(with_nulls)) == frame


@both
def test_absent_means_absent_when_writing(frame: Any, text: str) -> None:
    raw = json.loads(encode(frame))
    if isinstance(frame, CompleteJson):
        raw.pop("result")
    assert "null" not in json.dumps(raw)


@both
def test_a_missing_required_key_is_a_bad_frame(frame: Any, text: str) -> None:
    for field in msgspec.structs.fields(type(frame)):
        if field.required:
            raw = json.loads(text)
            del raw[field.encode_name]
            with pytest.raises(BadFrame) as bad:
                read(frame, json.dumps(raw))
            assert bad.value.frame_type == raw["type"]


@both
def test_a_null_in_a_required_key_is_a_bad_frame(frame: Any, text: str) -> None:
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


@pytest.mark.parametrize("missing", ["task", "modelSource", "model"])
def test_an_unreadable_offer_still_yields_its_job(missing: str) -> None:
    claim = json.loads(CLAIM_JSON)
    del claim[missing]
    with pytest.raises(BadFrame, match=missing) as bad:
        read_studio_frame(json.dumps({"type": "offer", "claim": claim}))
    assert (bad.value.frame_type, bad.value.job_id) == ("offer", "j1")


@pytest.mark.parametrize("job_id", [None, "", 5, []])
def test_an_unreadable_offer_with_an_unreadable_job_yields_none(job_id: Any) -> None:
    text = json.dumps({"type": "offer", "claim": {"jobId": job_id}})
    with pytest.raises(BadFrame) as bad:
        read_studio_frame(text)
    assert bad.value.job_id is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "null",
        "[]",
        '"offer"',
        "{}",
        '{"type":null}',
        '{"type":"offer"}',
        '{"type":"hello"}',
        "\ud800",
        '{"type":"\ud800"}',
        "[" * 200_000,
        '{"type":"offer","claim":' * 5000 + "1" + "}" * 5000,
    ],
)
def test_nonsense_is_a_bad_frame(text: str) -> None:
    with pytest.raises(BadFrame):
        read_studio_frame(text)


def test_a_worker_does_not_read_its_own_frames_nor_a_studio_its_own() -> None:
    for frame, text in WORKER_FRAMES:
        with pytest.raises(BadFrame):
            read_studio_frame(text)
        assert frame is not None
    for frame, text in STUDIO_FRAMES:
        with pytest.raises(BadFrame):
            decode_worker_frame(text)
        assert frame is not None


@pytest.mark.parametrize("data", [b"", b"{}", b'{"type":"heartbeatAck"}', b"\xff"])
def test_a_binary_frame_is_a_bad_frame(data: bytes) -> None:
    with pytest.raises(BadFrame, match="binary"):
        read_studio_frame(data)


def test_a_frame_longer_than_the_bound_is_refused_unread() -> None:
    text = '{"type":"heartbeatAck","x":"' + "x" * MAX_FRAME_BYTES + '"}'
    with pytest.raises(BadFrame, match="longer than"):
        read_studio_frame(text)


@pytest.mark.parametrize(
    "text",
    [
        '{"type":"accept","jobId":""}',
        json.dumps({"type": "accept", "jobId": "x" * 201}),
        '{"type":"progress","jobId":"j","fraction":1.01}',
        '{"type":"progress","jobId":"j","fraction":-0.01}',
        '{"type":"progress","jobId":"j","fraction":1e999}',
        json.dumps({"type": "reject", "jobId": "j", "reason": "x" * 4097}),
        json.dumps({"type": "fail", "jobId": "j", "error": "x" * 65537, "retryable": True}),
        '{"type":"fail","jobId":"j","error":"x","retryable":1}',
        json.dumps(
            {
                "type": "logBatch",
                "entries": [{"ts": "", "level": "", "category": "", "message": ""}] * 10_001,
            }
        ),
    ],
)
def test_what_is_out_of_bounds_is_a_bad_frame(text: str) -> None:
    with pytest.raises(BadFrame):
        decode_worker_frame(text)


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
