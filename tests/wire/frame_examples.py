"""A frame of each type with all and with few of its keys, and its text as the protocol has it."""

from __future__ import annotations

from studio_worker_core.wire.capabilities import Capabilities
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


WORKER_FRAMES: list[tuple[WorkerFrame, str]] = [
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


STUDIO_FRAMES: list[tuple[StudioFrame, str]] = [
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
