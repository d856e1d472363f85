"""Offers are read leniently: used, read another way and told, or refused by name (protocol §3)."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studio_worker_core.errors import BadFrame
from studio_worker_core.wire.codec import ReadFrame, read_studio_frame
from studio_worker_core.wire.frames import Claim, Offer
from studio_worker_core.wire.models import CliDefaults, ModelFile
from studio_worker_core.wire.numbers import (
    CLAIM_NUMBERS,
    DEFAULTS_NUMBERS,
    FILE_NUMBERS,
    TASK_NUMBERS,
    Number,
)
from studio_worker_core.wire.tasks import (
    AudioSttTask,
    AudioTtsTask,
    ImageTask,
    LlmTask,
    MeshTask,
    VideoTask,
)

LEAST: dict[str, dict[str, Any]] = {
    "image": {"kind": "image", "prompt": "p"},
    "llm": {"kind": "llm", "messages": [{"role": "user", "content": "hi"}]},
    "audio_stt": {"kind": "audio_stt", "inputUrl": "https://h/a"},
    "audio_tts": {"kind": "audio_tts", "text": "t"},
    "video": {"kind": "video", "prompt": "p"},
    "mesh": {"kind": "mesh", "imageUrl": "https://h/a.png"},
}
TASKS = (ImageTask, LlmTask, AudioSttTask, AudioTtsTask, VideoTask, MeshTask)
FIELDS = [
    (task.__struct_config__.tag, field)
    for task in TASKS
    for field in msgspec.structs.fields(task)
    if field.encode_name in TASK_NUMBERS
]


def offer(kind: str = "image", **task: Any) -> str:
    claim = {"jobId": "j", "model": "m", "task": {**LEAST[kind], **task}}
    return json.dumps({"type": "offer", "claim": {**claim, "modelSource": {"engine": "e"}}})


def with_source(**source: Any) -> str:
    claim = {"jobId": "j", "model": "m", "task": LEAST["image"]}
    return json.dumps(
        {"type": "offer", "claim": {**claim, "modelSource": {"engine": "e", **source}}}
    )


def read(text: str) -> tuple[Claim, tuple[str, ...]]:
    found: ReadFrame = read_studio_frame(text)
    assert isinstance(found.frame, Offer)
    return found.frame.claim, found.notes


def attempt(text: str) -> tuple[Claim, tuple[str, ...]] | BadFrame:
    try:
        return read(text)
    except BadFrame as error:
        return error


@pytest.mark.parametrize(
    ("kind", "sent", "meant"),
    [
        ("image", {"steps": 0}, {"steps": 20}),
        ("image", {"steps": 20.5}, {"steps": 21}),
        ("image", {"steps": 10_001}, {"steps": 10_000}),
        ("image", {"steps": "30"}, {"steps": 30}),
        ("image", {"steps": "many"}, {"steps": 20}),
        ("image", {"steps": True}, {"steps": 20}),
        ("image", {"steps": int("9" * 400)}, {"steps": 10_000}),
        ("image", {"width": 0, "height": 0.0}, {"width": 512, "height": 512}),
        ("image", {"width": 16_385}, {"width": 16_384}),
        ("image", {"denoise": 1.5}, {"denoise": 1}),
        ("image", {"denoise": -0.5}, {"denoise": 0}),
        ("image", {"cfgScale": 1e6}, {"cfg_scale": 100}),
        ("image", {"seed": 2**64}, {"seed": 2**64 - 1}),
        ("image", {"seed": -(2**63) - 1}, {"seed": -1}),
        ("image", {"seed": str(2**64 - 1)}, {"seed": 2**64 - 1}),
        ("image", {"ext": "../x"}, {"ext": "webp"}),
        ("image", {"initImageUrl": ""}, {"init_image_url": None}),
        ("image", {"samplingMethod": 7}, {"sampling_method": None}),
        ("mesh", {"seed": 1e30}, {"seed": 2**64 - 1}),
        ("llm", {"maxTokens": 0}, {"max_tokens": 512}),
        ("llm", {"maxTokens": -1}, {"max_tokens": 512}),
        ("llm", {"maxTokens": 10**9}, {"max_tokens": 1_000_000}),
        ("llm", {"topP": 0}, {"top_p": None}),
        ("llm", {"topP": 2}, {"top_p": 1}),
        ("llm", {"temperature": 1000}, {"temperature": 100}),
        ("audio_tts", {"speed": 0}, {"speed": None}),
        ("audio_tts", {"speed": "1.5"}, {"speed": 1.5}),
        ("audio_tts", {"voice": ""}, {"voice": "default"}),
        ("audio_stt", {"translate": 1}, {"translate": True}),
        ("audio_stt", {"vad": "perhaps"}, {"vad": None}),
        ("video", {"seconds": 0}, {"seconds": 2.0}),
        ("video", {"seconds": 100_000}, {"seconds": 86_400}),
        ("video", {"fps": -3}, {"fps": None}),
    ],
)
def test_what_cannot_be_used_as_it_came_is_read_another_way_and_told(
    kind: str, sent: dict[str, Any], meant: dict[str, Any]
) -> None:
    claim, notes = read(offer(kind, **sent))
    assert {name: getattr(claim.task, name) for name in meant} == meant
    assert len(notes) == len(sent)
    for name in sent:
        assert any(note.startswith(f"{name}: ") for note in notes)


@pytest.mark.parametrize(
    ("kind", "sent", "meant"),
    [
        ("image", {"steps": 20.0}, {"steps": 20}),
        ("image", {"denoise": 0}, {"denoise": 0}),
        ("image", {"width": None, "seed": None, "ext": None}, {"width": 512, "seed": None}),
        ("image", {"seed": -7}, {"seed": -7}),
        (
            "image",
            {"samplingMethod": "leapfrog", "novel": {"a": 1}},
            {"sampling_method": "leapfrog"},
        ),
        ("llm", {"temperature": 0}, {"temperature": 0}),
        ("audio_stt", {"timestamps": "letter"}, {"timestamps": "letter"}),
    ],
)
def test_what_means_something_is_read_as_it_came_and_nothing_is_told(
    kind: str, sent: dict[str, Any], meant: dict[str, Any]
) -> None:
    claim, notes = read(offer(kind, **sent))
    assert {name: getattr(claim.task, name) for name in meant} == meant
    assert notes == ()


@pytest.mark.parametrize(
    ("text", "word"),
    [
        (offer(width=-5), "width"),
        (offer(height=-0.5), "height"),
        (offer(steps=float("nan")), "steps"),
        (offer("video", seconds=float("inf")), "seconds"),
        (offer().replace('"prompt": "p"', '"steps": 1e999, "prompt": "p"'), "steps"),
        (offer(prompt=None), "prompt"),
        (offer("mesh", imageUrl=None), "imageUrl"),
        (offer("llm", messages=7), "messages"),
        (offer(kind="image").replace('"jobId"', '"vramGbEstimate": 1e300, "jobId"'), "vramGb"),
    ],
)
def test_what_cannot_be_served_at_all_is_refused_by_name(text: str, word: str) -> None:
    with pytest.raises(BadFrame, match=word) as bad:
        read_studio_frame(text)
    assert (bad.value.frame_type, bad.value.job_id) == ("offer", "j")


def test_zeros_and_nonsense_among_the_models_defaults_mean_that_it_has_none() -> None:
    zeros = {"cfgScale": 0, "steps": 0.0, "width": 0, "height": 0, "contextSize": 0}
    claim, notes = read(with_source(cliDefaults={**zeros, "samplingMethod": ""}))
    assert claim.model_source.cli_defaults == CliDefaults()
    assert notes == ()
    odd = {"steps": 4.4, "width": -5, "height": "64", "cfgScale": "high", "offloadToCpu": "yes"}
    claim, notes = read(with_source(cliDefaults=odd))
    assert claim.model_source.cli_defaults == CliDefaults(steps=4, height=64)
    assert len(notes) == len(odd)
    assert all(note.startswith("cliDefaults.") for note in notes)


def test_a_file_without_a_known_size_or_with_an_unknown_role_is_taken() -> None:
    file = {"role": "scheduler", "url": "https://h/m", "filename": "m", "approxBytes": -1}
    claim, notes = read(with_source(files=[{**file, "sha256": ""}]))
    assert claim.model_source.files == [ModelFile("scheduler", "https://h/m", "m")]
    assert notes == ("files[0].approxBytes: -1 says nothing; read as not given",)


def test_a_flood_of_odd_parameters_is_told_in_few_lines() -> None:
    file = {"role": "model", "url": "https://h/m", "filename": "m", "approxBytes": "large"}
    _, notes = read(with_source(files=[file] * 256))
    assert len(notes) == 51
    assert notes[-1].startswith("206 more")


def test_a_number_of_any_length_is_told_in_a_short_line() -> None:
    _, notes = read(offer(seed=int("9" * 4000), steps="9" * 100_000))
    assert all(len(note) < 200 for note in notes)


scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(10**400), 10**400)
    | st.floats()
    | st.text(max_size=30)
    | st.integers().map(str)
    | st.floats().map(str)
)


def within(value: Any, bounds: Number) -> bool:
    if bounds is TASK_NUMBERS["seed"]:
        return bool(-(2**63) <= value <= bounds.most)
    return bool(
        bounds.least <= value <= bounds.most and not (bounds.zero_is_nothing and value == 0)
    )


@settings(max_examples=500)
@given(st.sampled_from(FIELDS), scalars)
def test_any_scalar_in_any_number_is_used_within_its_bounds_or_told_or_refused_by_name(
    where: tuple[str, Any], sent: Any
) -> None:
    kind, field = where
    name = field.encode_name
    found = attempt(offer(kind, **{name: sent}))
    if isinstance(found, BadFrame):
        assert name in found.reason
        assert found.job_id == "j"
        return
    claim, notes = found
    value = getattr(claim.task, field.name)
    assert value == field.default or within(value, TASK_NUMBERS[name])
    as_it_came = type(sent) in (int, float) and value == sent
    assert bool(notes) != (as_it_came or sent is None)


words = st.sampled_from(
    [(t.__struct_config__.tag, f.encode_name) for t in TASKS for f in msgspec.structs.fields(t)]
)


@settings(max_examples=500)
@given(words, scalars | st.lists(scalars, max_size=2) | st.dictionaries(st.text(), scalars))
def test_any_value_in_any_parameter_is_used_told_or_refused_by_name(
    where: tuple[str, str], sent: Any
) -> None:
    kind, name = where
    found = attempt(offer(kind, **{name: sent}))
    if isinstance(found, BadFrame):
        assert found.job_id == "j"


@given(st.dictionaries(st.sampled_from([*DEFAULTS_NUMBERS, "mmap", "zeroCondT"]), scalars))
def test_any_default_of_a_model_is_used_within_its_bounds_or_refused_by_name(
    defaults: dict[str, Any],
) -> None:
    found = attempt(with_source(cliDefaults=defaults))
    if isinstance(found, BadFrame):
        assert any(name in found.reason for name in defaults)
        return
    claim, _ = found
    read_back = claim.model_source.cli_defaults
    for field in msgspec.structs.fields(CliDefaults):
        bounds = DEFAULTS_NUMBERS.get(field.encode_name)
        value = getattr(read_back, field.name)
        assert bounds is None or value is None or within(value, bounds)


def struct_takes(struct: Any, field: Any, value: Any) -> bool:
    try:
        msgspec.convert(value, field.type)
        if field.name == "seed":
            ImageTask("p", seed=value)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize(
    ("struct", "table"),
    [
        *((task, TASK_NUMBERS) for task in TASKS),
        (CliDefaults, DEFAULTS_NUMBERS),
        (ModelFile, FILE_NUMBERS),
        (Claim, CLAIM_NUMBERS),
    ],
)
def test_the_structs_take_what_the_table_lets_through(
    struct: Any, table: dict[str, Number]
) -> None:
    for field in msgspec.structs.fields(struct):
        bounds = table.get(field.encode_name)
        if bounds is None:
            continue
        made = int if bounds.whole else float
        least = bounds.least or (0.5 if bounds.zero_is_nothing else 0)
        assert struct_takes(struct, field, made(least))
        assert struct_takes(struct, field, made(bounds.most))
        if table is TASK_NUMBERS:
            assert not struct_takes(struct, field, made(bounds.most + 1))
