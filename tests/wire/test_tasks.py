"""The parameters of every kind of task (protocol §3, task parameters)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from studio_worker_core.errors import WireError
from studio_worker_core.wire.codec import decode, encode
from studio_worker_core.wire.tasks import (
    BINARY_KINDS,
    AudioSttTask,
    AudioTtsTask,
    ChatMessage,
    ImageTask,
    LlmTask,
    MeshTask,
    Task,
    TaskKind,
    VideoTask,
    full_prompt,
    task_kind,
    unknown_word,
)

FULL: list[tuple[Any, str]] = [
    (
        ImageTask(
            prompt="p",
            negative_prompt="n",
            init_image_url="https://h/i",
            mask_url="https://h/m",
            ref_image_url="https://h/r",
            denoise=0.5,
            cfg_scale=7.0,
            sampling_method="euler",
            width=640,
            height=480,
            steps=4,
            seed=-1,
            ext="png",
        ),
        '{"kind":"image","prompt":"p","negativePrompt":"n","initImageUrl":"https://h/i",'
        '"maskUrl":"https://h/m","refImageUrl":"https://h/r","denoise":0.5,"cfgScale":7.0,'
        '"samplingMethod":"euler","width":640,"height":480,"steps":4,"seed":-1,"ext":"png"}',
    ),
    (
        LlmTask(
            messages=[ChatMessage("user", "hi")],
            system="s",
            max_tokens=5,
            temperature=0.1,
            top_p=0.9,
            stop=["a", "b"],
            json_schema={"type": "object", "default": None},
            reasoning="low",
            chat_template_kwargs={"x": None},
        ),
        '{"kind":"llm","messages":[{"role":"user","content":"hi"}],"system":"s","maxTokens":5,'
        '"temperature":0.1,"topP":0.9,"stop":["a","b"],"jsonSchema":{"type":"object",'
        '"default":null},"reasoning":"low","chatTemplateKwargs":{"x":null}}',
    ),
    (
        AudioSttTask("https://h/a", "en", True, "p", False, "word"),
        '{"kind":"audio_stt","inputUrl":"https://h/a","language":"en","translate":true,'
        '"prompt":"p","vad":false,"timestamps":"word"}',
    ),
    (
        AudioTtsTask("t", "v", 1.5, "en", "mp3"),
        '{"kind":"audio_tts","text":"t","voice":"v","speed":1.5,"language":"en","ext":"mp3"}',
    ),
    (
        AudioTtsTask("t", options={"pitch": 2, "mood": "calm"}),
        '{"kind":"audio_tts","text":"t","options":{"pitch":2,"mood":"calm"}}',
    ),
    (
        VideoTask("p", "n", "https://h/i", 3.5, 24.0, 64, 32, "gif"),
        '{"kind":"video","prompt":"p","negativePrompt":"n","initImageUrl":"https://h/i",'
        '"seconds":3.5,"fps":24.0,"width":64,"height":32,"ext":"gif"}',
    ),
]

LEAST: list[tuple[str, dict[str, Any]]] = [
    ('{"kind":"image","prompt":"p"}', {"width": 512, "height": 512, "steps": 20, "ext": "webp"}),
    ('{"kind":"llm","messages":[]}', {"max_tokens": 512, "temperature": 0.7, "stop": None}),
    ('{"kind":"audio_stt","inputUrl":"u"}', {"timestamps": None, "vad": None}),
    ('{"kind":"audio_tts","text":"t"}', {"voice": "default", "ext": "wav", "speed": None}),
    (
        '{"kind":"video","prompt":"p"}',
        {"seconds": 2.0, "width": 512, "height": 512, "fps": None, "ext": "mp4"},
    ),
]


def read(text: str) -> Task:
    return decode(Task, text, what="task")  # type: ignore[arg-type]


@pytest.mark.parametrize(("task", "text"), FULL)
def test_a_task_with_everything_reads_and_writes(task: Task, text: str) -> None:
    assert read(text) == task
    assert json.loads(encode(task)) == json.loads(text)


@pytest.mark.parametrize(("text", "defaults"), LEAST)
def test_the_defaults_are_the_protocols_and_are_not_written(
    text: str, defaults: dict[str, Any]
) -> None:
    task = read(text)
    assert {key: getattr(task, key) for key in defaults} == defaults
    assert json.loads(encode(task)) == json.loads(text)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ('{"kind":"image","prompt":"p","width":0}', "width"),
        ('{"kind":"image","prompt":"p","width":16385}', "width"),
        ('{"kind":"image","prompt":"p","height":100000000000000000000}', "height"),
        ('{"kind":"image","prompt":"p","steps":0}', "steps"),
        ('{"kind":"image","prompt":"p","steps":10001}', "steps"),
        ('{"kind":"image","prompt":"p","denoise":1.5}', "denoise"),
        ('{"kind":"image","prompt":"p","ext":"../x"}', "ext"),
        ('{"kind":"image","prompt":"p","ext":""}', "ext"),
        ('{"kind":"image","prompt":7}', "prompt"),
        ('{"kind":"image"}', "prompt"),
        ('{"kind":"llm","messages":[{"role":"","content":"x"}]}', "messages"),
        ('{"kind":"llm","messages":[],"maxTokens":0}', "maxTokens"),
        ('{"kind":"llm","messages":[],"topP":2}', "topP"),
        ('{"kind":"audio_stt","inputUrl":""}', "inputUrl"),
        ('{"kind":"audio_tts","text":"t","speed":0}', "speed"),
        ('{"kind":"video","prompt":"p","seconds":0}', "seconds"),
        ('{"kind":"video","prompt":"p","seconds":86401}', "seconds"),
        ('{"kind":"video","prompt":"p","fps":-1}', "fps"),
        ('{"kind":"sculpture","prompt":"p"}', "sculpture"),
        ('{"prompt":"p"}', "kind"),
    ],
)
def test_what_is_out_of_bounds_is_refused_by_name(text: str, word: str) -> None:
    with pytest.raises(WireError, match=word):
        read(text)


def test_a_word_that_is_none_of_the_protocols_is_named() -> None:
    assert unknown_word(AudioSttTask("u", timestamps="letter")) == (
        "timestamps",
        "'letter' is none of segment, word",
    )
    for known in (None, "segment", "word"):
        assert unknown_word(AudioSttTask("u", timestamps=known)) is None
    assert unknown_word(ImageTask("p")) is None


def test_prompts_are_bounded() -> None:
    read(json.dumps({"kind": "image", "prompt": "x" * 1_000_000}))
    with pytest.raises(WireError):
        read(json.dumps({"kind": "image", "prompt": "x" * 1_000_001}))


@pytest.mark.parametrize(("task", "text"), FULL)
def test_every_task_knows_its_kind(task: Task, text: str) -> None:
    assert task_kind(task) == json.loads(text)["kind"]


def test_the_kinds_with_files_are_those_of_the_protocol() -> None:
    files = {TaskKind.IMAGE, TaskKind.AUDIO_TTS, TaskKind.VIDEO, TaskKind.MESH}
    assert files == BINARY_KINDS


def test_the_full_prompt_of_each_kind() -> None:
    chat = LlmTask([ChatMessage("system", "be kind"), ChatMessage("user", "hi\nyou")])
    assert full_prompt(ImageTask("p" * 100_000)) == "p" * 100_000
    assert full_prompt(VideoTask("p")) == "p"
    assert full_prompt(AudioTtsTask("t")) == "t"
    assert full_prompt(AudioSttTask("https://h/a")) == "https://h/a"
    assert full_prompt(chat) == "system: be kind\nuser: hi\nyou"


def test_a_mesh_has_no_prompt_and_its_picture_does_not_stand_in_for_one() -> None:
    assert full_prompt(MeshTask("data:image/png;base64,AAAA")) == ""
    assert full_prompt(MeshTask("https://h/a.png")) == ""


def test_stop_may_be_one_text() -> None:
    assert read('{"kind":"llm","messages":[],"stop":"x"}') == LlmTask([], stop="x")
