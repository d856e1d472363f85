"""Parameters as somebody names them, and what is wrong with one."""

from __future__ import annotations

from typing import Any

import pytest

from studio_worker_core.errors import ParameterRefused
from studio_worker_core.jobs.parameters import INPUT_PARAMETERS, task_from, value_for_any
from studio_worker_core.models.inputs import input_urls
from studio_worker_core.wire.tasks import ImageTask, TaskKind


@pytest.mark.parametrize("key", ["initImageUrl", "init_image_url", "init-image-url"])
def test_a_key_may_be_written_as_on_the_wire_or_as_in_python(key: str) -> None:
    task = task_from(TaskKind.IMAGE, {"prompt": "x", key: "https://h/a.png", "seed": "7"})
    assert task == ImageTask(prompt="x", init_image_url="https://h/a.png", seed=7)


@pytest.mark.parametrize(
    ("given", "key", "missing", "said"),
    [
        ({"prompt": "x", "nonsense": 1}, "nonsense", None, "has no 'nonsense'; it has "),
        ({"prompt": "x", "width": 0}, "width", None, "a whole number of at least 1, got '0'"),
        ({"prompt": "x", "denoise": float("nan")}, "denoise", None, "nan is no number"),
        ({"prompt": [1]}, "prompt", None, "expected text, got a list"),
        ({}, None, "prompt", "is missing"),
    ],
)
def test_the_parameter_that_is_refused_is_named(
    given: dict[str, Any], key: str | None, missing: str | None, said: str
) -> None:
    with pytest.raises(ParameterRefused) as caught:
        task_from(TaskKind.IMAGE, given)
    assert (caught.value.key, caught.value.missing) == (key, missing)
    assert said in str(caught.value)
    assert not caught.value.retryable


def test_a_value_for_any_kind_is_one_that_a_task_of_one_of_them_has() -> None:
    kinds = (TaskKind.IMAGE, TaskKind.AUDIO_TTS)
    assert value_for_any(kinds, "steps", "4") == 4
    assert value_for_any(kinds, "voice", "anna") == "anna"
    with pytest.raises(ParameterRefused, match="a task of kind image or audio_tts has no 'fps'"):
        value_for_any(kinds, "fps", 3)


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        (TaskKind.IMAGE, ("init_image", "mask", "ref_image")),
        (TaskKind.AUDIO_STT, ("input",)),
        (TaskKind.MESH, ("image",)),
    ],
)
def test_every_input_has_its_parameter(kind: TaskKind, names: tuple[str, ...]) -> None:
    given = {INPUT_PARAMETERS[name]: f"https://h/{name}" for name in names}
    prompt = {"prompt": "x"} if kind is TaskKind.IMAGE else {}
    urls = input_urls(task_from(kind, given | prompt))
    assert urls == {name: f"https://h/{name}" for name in names}
