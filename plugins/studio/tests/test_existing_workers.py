"""What our studio writes, read by the rules of an existing worker (protocol §3, §3.1)."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plugins.studio.tests.support.studio_in_thread import StudioInThread
from studio_worker_core.wire.codec import encode_text
from studio_worker_core.wire.models import CliDefaults, ModelFile, ModelSource
from studio_worker_core.wire.tasks import (
    AudioSttTask,
    AudioTtsTask,
    ChatMessage,
    ImageTask,
    LlmTask,
    MeshTask,
    Task,
    VideoTask,
    task_kind,
)
from studio_worker_studio.shapes import Shape, shape_of, strict_offer
from studio_worker_studio.store.records import JobRecord, JobState

from .existing_reader import ENGINES, ROLES, Unreadable, read_offer
from .recorded_worker import CAPABILITIES as RECORDED

PICTURE = {"kind": "image", "prompt": "a boat"}
texts = st.text(max_size=12)
maybe = st.none() | texts
urls = st.just("https://x.example/a")
seeds = st.none() | st.integers(-(2**63), 2**64 - 1)
sides = st.integers(1, 16_384)
values = st.none() | st.booleans() | st.integers(-9, 9) | st.floats(-9, 9) | texts
objects = st.dictionaries(texts, values, max_size=3)
tasks = st.one_of(
    st.builds(
        ImageTask,
        prompt=texts,
        negative_prompt=maybe,
        init_image_url=st.none() | urls,
        denoise=st.none() | st.floats(0, 1),
        cfg_scale=st.none() | st.floats(0, 100),
        sampling_method=maybe,
        width=sides,
        height=sides,
        steps=st.integers(1, 10_000),
        seed=seeds,
    ),
    st.builds(
        LlmTask,
        messages=st.lists(st.builds(ChatMessage, st.just("user"), texts), max_size=3),
        system=maybe,
        max_tokens=st.integers(1, 1_000_000),
        temperature=st.floats(0, 100),
        top_p=st.none() | st.floats(0, 1),
        stop=st.none() | texts | st.lists(texts, max_size=3),
        json_schema=values | objects,
        reasoning=values | objects,
        chat_template_kwargs=st.none() | objects,
        images=st.none() | st.lists(urls, max_size=2),
    ),
    st.builds(
        AudioSttTask,
        input_url=urls,
        language=maybe,
        translate=st.none() | st.booleans(),
        prompt=maybe,
        vad=st.none() | st.booleans(),
        timestamps=st.sampled_from([None, "segment", "word"]),
    ),
    st.builds(AudioTtsTask, text=texts, voice=texts, speed=st.none() | st.floats(0.01, 100)),
    st.builds(
        VideoTask,
        prompt=texts,
        negative_prompt=maybe,
        seconds=st.floats(0.01, 86_400),
        fps=st.none() | st.floats(0.01, 1000),
        width=sides,
        height=sides,
    ),
    st.builds(MeshTask, image_url=urls, seed=seeds),
)
sources = st.builds(
    ModelSource,
    engine=st.sampled_from(ENGINES),
    files=st.lists(
        st.builds(
            ModelFile,
            role=st.sampled_from([*ROLES, "scheduler"]),
            url=urls,
            filename=st.just("m"),
            approx_bytes=st.none() | st.integers(0, 2**62),
            sha256=st.none() | st.just("0" * 64),
        ),
        max_size=2,
    ),
    cli_defaults=st.builds(
        CliDefaults,
        cfg_scale=st.none() | st.floats(-100, 100),
        steps=st.none() | st.integers(0, 10_000),
        width=st.none() | st.integers(0, 16_384),
        height=st.none() | st.integers(0, 16_384),
        sampling_method=maybe,
        flow_shift=st.none() | st.floats(-9, 9),
        offload_to_cpu=st.none() | st.booleans(),
        context_size=st.none() | st.integers(1, 2**20),
        chat_template_kwargs=st.none() | objects,
    ),
)


def queued(task: Task, source: ModelSource, **more: Any) -> JobRecord:
    return JobRecord(
        id=1,
        job_id="job-1",
        state=JobState.QUEUED,
        kind=task_kind(task),
        priority=0,
        model="m",
        engine=source.engine,
        vram_gb=0.0,
        task=msgspec.json.encode(task),
        source=msgspec.json.encode(source),
        attempts=0,
        max_attempts=3,
        claims=0,
        created_at=0.0,
        **more,
    )


@settings(max_examples=300)
@given(tasks, sources, maybe, maybe)
def test_every_offer_for_existing_workers_is_one_that_they_read(
    task: Task, source: ModelSource, game: str | None, asset: str | None
) -> None:
    if shape_of(source) is Shape.OURS:
        return
    job = queued(task, source, game_id=game, asset_name=asset)
    claim = read_offer(encode_text(strict_offer(job.claim())))
    assert claim["task"]["kind"] == task_kind(task)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("task", "steps"), 4.0),
        (("task", "seed"), -1),
        (("task", "seed"), 2**64),
        (("task", "kind"), "hologram"),
        (("modelSource", "engine"), "procedural"),
        (("modelSource", "cliDefaults", "steps"), None),
        (("modelSource", "cliDefaults"), {}),
        (("modelSource", "files"), [{"role": "scheduler", "url": "u", "filename": "f"}]),
    ],
)
def test_the_reader_forgives_nothing(path: tuple[str, ...], value: Any) -> None:
    source = ModelSource("sd-cpp")
    frame = json.loads(encode_text(strict_offer(queued(ImageTask("p"), source).claim())))
    inner = frame["claim"]
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    with pytest.raises(Unreadable):
        read_offer(json.dumps(frame))


def test_a_worker_as_recorded_reads_every_offer_it_is_given(studio: StudioInThread) -> None:
    worker = studio.new_worker()
    worker.capabilities = RECORDED
    offered = []
    with worker.connected():
        worker.send("hello", authToken=worker.token, capabilities=RECORDED)
        worker.expect("welcome")
        foreign = studio.submit(modelSource={"engine": "procedural", "files": []})
        for task in (
            {**PICTURE, "seed": 2**64 - 1},
            {**PICTURE, "seed": -1},
            {"kind": "llm", "messages": [{"role": "user", "content": "hi"}], "stop": "END"},
            {"kind": "video", "prompt": "p", "fps": 7.5},
        ):
            studio.submit(task, modelSource={"engine": "synthetic", "files": []})
            frame = worker.expect("offer")
            offered.append(read_offer(json.dumps(frame))["jobId"])
            worker.send("fail", jobId=offered[-1], error="next", retryable=False)
            worker.expect("failAck")
        worker.expect_silence()
    assert foreign not in offered
    assert studio.job(foreign)["attempts"] == 0


def test_a_job_that_does_not_fit_one_worker_is_done_by_another_uncounted(
    studio: StudioInThread,
) -> None:
    small, large = studio.new_worker(), studio.new_worker()
    with small.session():
        job_id = studio.submit(vramGbEstimate=6.0, maxAttempts=1)
        small.expect("offer")
        small.send("reject", jobId=job_id, reason="full", code="insufficient_memory")
        studio.wait_state(job_id, "queued")
        with large.session():
            assert large.take_offer() == job_id
            assert large.complete(job_id).status_code == 204
        assert studio.job(job_id)["attempts"] <= 1


def test_an_offer_that_ended_a_session_counts_an_attempt(studio: StudioInThread) -> None:
    worker = studio.new_worker()
    worker.capabilities = RECORDED
    job_id = studio.submit(maxAttempts=2, modelSource={"engine": "synthetic", "files": []})
    for _ in range(2):
        with worker.connected():
            worker.send("hello", authToken=worker.token, capabilities=RECORDED)
            worker.expect("welcome")
            assert worker.expect("offer")["claim"]["jobId"] == job_id
    job = studio.wait_state(job_id, "failed")
    assert job["attempts"] == 2
