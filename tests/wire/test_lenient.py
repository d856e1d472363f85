"""What a reader passes over, and what it takes as not given (protocol §2, §3)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio_worker_core.errors import WireError
from studio_worker_core.wire.capabilities import Capabilities
from studio_worker_core.wire.codec import decode, decode_worker_frame
from studio_worker_core.wire.frames import Heartbeat
from studio_worker_core.wire.models import ModelSource
from studio_worker_core.wire.tasks import ImageTask, MeshTask, Task, TaskKind

CAPABILITIES: dict[str, Any] = {
    "machineName": "box",
    "username": "ada",
    "agentVersion": "9",
    "engine": "multi",
    "vramTotalGb": 16.0,
    "vramThresholdGb": 8.0,
    "autoEnabled": True,
    "autoStart": False,
    "supportedModels": [],
    "taskKinds": ["image", "mesh", "hologram"],
    "supportedModelsPerKind": {"image": ["a"], "hologram": ["b"]},
    "userPresence": "asleep",
    "engines": [{"name": "e", "version": "1", "kinds": ["hologram", "image"]}],
}


def test_unknown_kinds_and_presences_never_turn_a_worker_away() -> None:
    frame = decode_worker_frame(json.dumps({"type": "heartbeat", "capabilities": CAPABILITIES}))
    assert isinstance(frame, Heartbeat)
    found = frame.capabilities
    assert found.task_kinds == [TaskKind.IMAGE, TaskKind.MESH]
    assert found.supported_models_per_kind == {TaskKind.IMAGE: ["a"]}
    assert found.user_presence is None
    assert found.engines is not None
    assert found.engines[0].kinds == [TaskKind.IMAGE]


@given(st.lists(st.text(max_size=8) | st.integers() | st.none(), max_size=4))
def test_any_words_may_stand_among_the_kinds(words: list[Any]) -> None:
    data = json.dumps({**CAPABILITIES, "taskKinds": words})
    known = [word for word in words if word in list(TaskKind)]
    assert decode(Capabilities, data).task_kinds == known


@given(st.dictionaries(st.text(max_size=20), st.text(max_size=120) | st.integers() | st.none()))
def test_file_types_that_are_none_are_left_out_and_turn_no_worker_away(
    declared: dict[str, Any],
) -> None:
    types = {**declared, "qoi": "image/qoi"}
    data = json.dumps({**CAPABILITIES, "taskKinds": [], "extensions": types})
    found = decode(Capabilities, data).extensions
    assert found is not None
    assert found["qoi"] == "image/qoi"
    assert found.items() <= types.items()


@pytest.mark.parametrize("types", [{"x": ""}, {"x": "ab"}, {"": "a/b"}, {"../x": "a/b"}, [], 7])
def test_an_odd_file_type_leaves_the_others_and_is_told(types: Any) -> None:
    data = json.dumps({**CAPABILITIES, "extensions": types})
    assert not decode(Capabilities, data).extensions


def test_every_seed_of_64_bits_is_read_and_no_larger_one() -> None:
    for seed in (0, 2**63, 2**64 - 1):
        data = json.dumps({"kind": "image", "prompt": "p", "seed": seed})
        task: Task = decode(Task, data)  # type: ignore[arg-type]
        assert isinstance(task, ImageTask)
        assert task.seed == seed
    with pytest.raises(WireError, match="seed"):
        decode(ImageTask, json.dumps({"kind": "image", "prompt": "p", "seed": 2**64}))


def test_a_zero_among_the_defaults_is_not_given() -> None:
    zeros = {"cfgScale": 0, "steps": 0, "width": 0, "height": 0}
    source = decode(ModelSource, json.dumps({"engine": "e", "files": [], "cliDefaults": zeros}))
    defaults = source.cli_defaults
    assert (defaults.cfg_scale, defaults.steps, defaults.width, defaults.height) == (None,) * 4


def test_a_picture_for_a_3d_model_may_come_inside_the_task() -> None:
    url = "data:image/png;base64," + "A" * 100_000
    task: Task = decode(Task, json.dumps({"kind": "mesh", "imageUrl": url}))  # type: ignore[arg-type]
    assert isinstance(task, MeshTask)
    assert (task.image_url, task.ext) == (url, "glb")
