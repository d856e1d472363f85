"""The matching itself, without sockets."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from studio_worker_core.wire.capabilities import Capabilities
from studio_worker_core.wire.tasks import TaskKind
from studio_worker_studio.dispatch import WorkerView, is_candidate, serves, wanted_by

KINDS = st.lists(st.sampled_from(list(TaskKind)), unique=True)
MODELS = st.lists(st.sampled_from(["a", "b", "eng:*"]), unique=True)


@st.composite
def capabilities(draw: Any) -> Capabilities:
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
    )


@st.composite
def fleets(draw: Any) -> list[WorkerView]:
    return [
        WorkerView(
            order=order,
            capabilities=draw(capabilities()),
            free=draw(st.booleans()),
            current_job_id=draw(st.sampled_from([None, None, "local"])),
        )
        for order in range(draw(st.integers(1, 5)))
    ]


@given(fleets())
def test_only_candidates_want_anything_and_only_what_they_can_do(fleet: list[WorkerView]) -> None:
    for worker in fleet:
        wanted = wanted_by(worker, fleet)
        assert (wanted is not None) == is_candidate(worker)
        if wanted is None:
            continue
        assert worker.free
        assert worker.capabilities.auto_enabled
        if worker.capabilities.only_when_idle:
            assert worker.capabilities.user_presence == "idle"
        assert set(wanted.kinds) == set(worker.capabilities.task_kinds)
        assert wanted.vram_gb == worker.capabilities.vram_threshold_gb


@given(fleets(), st.sampled_from(list(TaskKind)), st.sampled_from(["a", "b"]))
def test_a_model_somebody_serves_goes_to_nobody_else(
    fleet: list[WorkerView], kind: TaskKind, model: str
) -> None:
    able = [w for w in fleet if serves(w.capabilities, kind, model, "eng")]
    for worker in fleet:
        wanted = wanted_by(worker, fleet)
        if wanted is None or kind not in wanted.kinds:
            continue
        takes = wanted.takes_model(kind, model, "eng", 0.0)
        assert takes == (worker in able or not able)


@given(capabilities())
def test_serving_follows_the_wire(found: Capabilities) -> None:
    again = msgspec.json.decode(msgspec.json.encode(found), type=Capabilities)
    for kind in TaskKind:
        if kind not in found.task_kinds:
            assert not serves(again, kind, "a", "eng")
