"""Each kind's form comes from its task, and back into one."""

from __future__ import annotations

import pytest

from studio_worker_core.local_api.page.forms import MESSAGE, field_of_wire, form_of, parsed
from studio_worker_core.local_api.page.words import INPUTS, KINDS
from studio_worker_core.wire.tasks import TASKS, TaskKind


@pytest.mark.parametrize("kind", list(TaskKind))
def test_a_form_asks_for_every_parameter_with_words(kind: TaskKind) -> None:
    form = form_of(kind)
    assert kind in KINDS
    asked = set(TASKS[kind].__struct_fields__) - {"options", "tools", "tool_choice", "top_logprobs"}
    assert len(form.fields) + len(form.files) == len(asked)
    for field in form.fields:
        assert field.words.label
        assert field.words.label.lower() != field.name or "_" not in field.name
    for file in form.files:
        assert file.name in INPUTS or file.name == "image_1"


def test_bounds_and_defaults_are_the_tasks() -> None:
    fields = {each.name: each for each in form_of(TaskKind.IMAGE).fields}
    assert (fields["width"].low, fields["width"].high, fields["width"].default) == (
        "1",
        "16384",
        "512",
    )
    assert fields["denoise"].bounds == "0 to 1"
    assert fields["prompt"].required
    assert fields["seed"].widget == "whole"
    assert fields["prompt"].most == 1_000_000


def test_what_is_typed_becomes_a_parameter_or_a_complaint() -> None:
    fields = form_of(TaskKind.IMAGE).fields
    given = {"prompt": "a\r\nb", "seed": "18446744073709551615", "cfg_scale": "7,5", "steps": " "}
    values, wrong = parsed(fields, given)
    assert values == {"prompt": "a\nb", "seed": 2**64 - 1, "cfg_scale": 7.5}
    assert not wrong
    values, wrong = parsed(fields, {"seed": "1e3", "cfg_scale": "inf", "denoise": "x" * 10_000})
    assert sorted(wrong) == ["cfg_scale", "denoise", "prompt", "seed"]
    assert wrong["prompt"] == "Prompt is missing."


def test_chats_take_stops_by_line_and_json() -> None:
    fields = form_of(TaskKind.LLM).fields
    values, wrong = parsed(
        fields, {MESSAGE: "hi", "stop": "a\n\nb\n", "json_schema": '{"type": "object"}'}
    )
    assert (values["stop"], values["json_schema"], wrong) == (["a", "b"], {"type": "object"}, {})
    _, wrong = parsed(fields, {MESSAGE: "hi", "json_schema": "[" * 100_000})
    assert wrong == {"json_schema": "JSON schema: this is not JSON."}


def test_a_complaint_about_the_wire_finds_its_field() -> None:
    assert field_of_wire(TaskKind.IMAGE, "negativePrompt") == "negative_prompt"
    assert field_of_wire(TaskKind.LLM, "messages[0].content") == MESSAGE
    assert field_of_wire(TaskKind.AUDIO_STT, "inputUrl") == "input"
    assert field_of_wire(TaskKind.IMAGE, "nothing") == "nothing"
