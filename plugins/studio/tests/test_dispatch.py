"""The matching itself, without sockets."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from studio_worker_core.wire.capabilities import Capabilities, EngineInfo
from studio_worker_core.wire.tasks import TaskKind
from studio_worker_studio.dispatch import (
    Lane,
    WorkerView,
    abilities_of,
    is_candidate,
    wanted_by,
)
from studio_worker_studio.shapes import Shape

KINDS = st.lists(st.sampled_from(list(TaskKind)), unique=True)
MODELS = st.lists(st.sampled_from(["a", "b", "eng:*"]), unique=True)
ENGINES = ["eng", "sd-cpp", "onnx-vision"]


@st.composite
def capabilities(draw: st.DrawFn) -> Capabilities:
    kinds = draw(KINDS)
    return Capabilities(
        machine_name="m",
        username="u",
        agent_version="1",
        engine="multi",
        vram_total_gb=0.0,
        vram_threshold_gb=draw(st.sampled_from([0.0, 4.0, 8.0])),
        auto_enabled=draw(st.booleans()),
        auto_start=False,
        supported_models=[],
        task_kinds=kinds,
        supported_models_per_kind={kind: draw(MODELS) for kind in kinds},
        only_when_idle=draw(st.sampled_from([None, False, True])),
        user_presence=draw(st.sampled_from([None, "idle", "active"])),
        model_engines=draw(st.none() | st.lists(st.sampled_from(ENGINES), unique=True)),
        engines=draw(
            st.none()
            | st.lists(st.builds(EngineInfo, st.sampled_from(ENGINES), st.just("1"), KINDS))
        ),
    )


@st.composite
def workers(draw: st.DrawFn) -> WorkerView:
    found = draw(capabilities())
    return WorkerView(
        order=1,
        capabilities=found,
        abilities=abilities_of(found),
        free=draw(st.booleans()),
        current_job_id=draw(st.sampled_from([None, None, "local"])),
    )


@given(workers())
def test_only_candidates_want_anything_and_only_what_they_can_do(worker: WorkerView) -> None:
    wanted = wanted_by(worker)
    assert (wanted is not None) == (is_candidate(worker) and bool(worker.abilities.lanes))
    if wanted is None:
        return
    assert worker.free
    assert worker.capabilities.auto_enabled
    if worker.capabilities.only_when_idle:
        assert worker.capabilities.user_presence == "idle"
    assert {lane.kind for lane in wanted.lanes} <= set(worker.capabilities.task_kinds)
    assert wanted.vram_gb == worker.capabilities.vram_threshold_gb


@given(capabilities())
def test_an_engine_is_offered_only_to_a_worker_that_names_it(found: Capabilities) -> None:
    again = msgspec.json.decode(msgspec.json.encode(found), type=Capabilities)
    lanes = abilities_of(again).lanes
    roster = {info.name: info.kinds for info in found.engines or ()}
    for lane in lanes:
        if lane.engine in (found.model_engines or ()):
            continue
        if found.engines is None and found.model_engines is None:
            assert lane.engine in ("sd-cpp", "llama-cpp", "onnx", "parakeet", "synthetic")
        else:
            assert lane.engine in roster
    if found.engines is None:
        allowed = {Shape.EXISTING}
        if "onnx-vision" in (found.model_engines or ()):
            allowed.add(Shape.LABELS)
        assert {lane.shape for lane in lanes} <= allowed


def test_the_kinds_of_an_engine_of_the_roster_are_believed() -> None:
    found = Capabilities(
        machine_name="m",
        username="u",
        agent_version="1",
        engine="multi",
        vram_total_gb=0.0,
        vram_threshold_gb=0.0,
        auto_enabled=True,
        auto_start=False,
        supported_models=[],
        task_kinds=[TaskKind.IMAGE, TaskKind.AUDIO_TTS],
        supported_models_per_kind={},
        engines=[EngineInfo("voice", "1", [TaskKind.AUDIO_TTS])],
        model_engines=["sd-cpp"],
    )
    lanes = abilities_of(found).lanes
    assert Lane(TaskKind.AUDIO_TTS, "voice", Shape.OURS) in lanes
    assert Lane(TaskKind.IMAGE, "voice", Shape.OURS) not in lanes
    assert Lane(TaskKind.IMAGE, "sd-cpp", Shape.OURS) in lanes
