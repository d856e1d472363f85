"""Who gets which job, and what becomes of it (protocol §5)."""

from __future__ import annotations

from typing import Any

import pytest

from plugins.studio.tests.support.studio_in_thread import StudioInThread

CHAT = {"kind": "llm", "messages": [{"role": "user", "content": "hello"}]}


PICTURE = {"kind": "image", "prompt": "a boat"}


def test_an_offer_carries_the_whole_claim(studio: StudioInThread) -> None:
    worker = studio.new_worker()
    source = {
        "engine": "sd-cpp",
        "files": [
            {"role": "model", "url": "https://x.example/m.gguf", "filename": "m.gguf"},
        ],
        "cliDefaults": {"cfgScale": 7.0, "steps": 4, "width": 256, "height": 256},
    }
    with worker.session():
        job_id = studio.submit(
            {**PICTURE, "width": 64},
            model="flux",
            modelSource=source,
            gameId="g",
            assetName="g/k/n",
            vramGbEstimate=4.0,
        )
        claim = worker.expect("offer")["claim"]
    assert claim == {
        "jobId": job_id,
        "gameId": "g",
        "assetName": "g/k/n",
        "model": "flux",
        "vramGbEstimate": 4.0,
        "task": {**PICTURE, "width": 64},
        "modelSource": source,
    }


def test_the_earliest_connected_worker_wins(studio: StudioInThread) -> None:
    first, second = studio.new_worker(), studio.new_worker()
    with second.session(), first.session():
        job_id = studio.submit()
        assert second.take_offer() == job_id
        other = studio.submit()
        assert first.take_offer() == other


def test_one_job_at_a_time_per_worker(studio: StudioInThread) -> None:
    worker = studio.new_worker()
    with worker.session():
        first, second = studio.submit(), studio.submit()
        assert worker.take_offer() == first
        worker.expect_silence()
        worker.heartbeat(first)
        assert worker.complete(first).status_code == 204
        assert worker.take_offer() == second


def test_higher_priority_goes_first_then_the_older(studio: StudioInThread) -> None:
    low, high, next_low = studio.submit(), studio.submit(CHAT, priority=5), studio.submit()
    worker = studio.new_worker()
    with worker.session():
        order = []
        for _ in range(3):
            job_id = worker.take_offer()
            order.append(job_id)
            worker.send("fail", jobId=job_id, error="x", retryable=False)
            worker.expect("failAck")
    assert order == [high, low, next_low]


@pytest.mark.parametrize(
    "unfit",
    [
        {"autoEnabled": False},
        {"taskKinds": ["llm"]},
        {"vramThresholdGb": 3.9},
        {"onlyWhenIdle": True},
        {"onlyWhenIdle": True, "userPresence": "active"},
    ],
)
def test_a_worker_that_is_no_candidate_gets_nothing_until_it_is(
    studio: StudioInThread, unfit: dict[str, Any]
) -> None:
    worker = studio.new_worker()
    job_id = studio.submit(vramGbEstimate=4.0)
    with worker.session(**unfit):
        worker.heartbeat()
        worker.expect_silence()
        assert studio.job(job_id)["state"] == "queued"
        fit: dict[str, Any] = {
            "autoEnabled": True,
            "taskKinds": ["image"],
            "vramThresholdGb": 4.0,
            "onlyWhenIdle": True,
            "userPresence": "idle",
        }
        worker.heartbeat(**fit)
        assert worker.take_offer() == job_id


def test_a_worker_busy_with_a_job_of_its_own_gets_nothing(studio: StudioInThread) -> None:
    worker = studio.new_worker()
    with worker.session():
        worker.heartbeat("local-1")
        job_id = studio.submit()
        worker.expect_silence()
        assert studio.call("GET", f"/workers/{worker.worker_id}")["state"] == "busy"
        worker.heartbeat()
        assert worker.take_offer() == job_id


def test_a_stale_current_job_does_not_keep_the_next_one_away(studio: StudioInThread) -> None:
    worker = studio.new_worker()
    with worker.session():
        first = studio.submit()
        assert worker.take_offer() == first
        assert worker.complete(first).ok
        worker.heartbeat(first)
        second = studio.submit()
        assert worker.take_offer() == second


SD_CPP = {"engine": "sd-cpp", "files": []}


def test_an_idle_worker_that_names_the_model_goes_before_one_that_only_has_the_engine(
    studio: StudioInThread,
) -> None:
    plain, able = studio.new_worker(), studio.new_worker()
    with plain.session(), able.session(supportedModelsPerKind={"image": ["sd-cpp:*"]}):
        first = studio.submit(model="flux", modelSource=SD_CPP)
        assert able.take_offer() == first


@pytest.mark.parametrize("kept_by", ["a full worker", "a paused worker"])
def test_a_job_is_not_kept_from_an_idle_worker(studio: StudioInThread, kept_by: str) -> None:
    able, idle = studio.new_worker(), studio.new_worker()
    names_it = {"supportedModelsPerKind": {"image": ["sd-cpp:*"]}}
    with able.session(**names_it):
        if kept_by == "a full worker":
            studio.submit(model="flux", modelSource=SD_CPP)
            able.take_offer()
        else:
            able.heartbeat(autoEnabled=False)
        with idle.session():
            job_id = studio.submit(model="flux", modelSource=SD_CPP)
            assert idle.take_offer() == job_id


@pytest.mark.parametrize(
    ("capabilities", "gets_it"),
    [
        ({"modelEngines": ["onnx"]}, False),
        ({"modelEngines": ["onnx", "sd-cpp"]}, True),
        ({"engines": []}, False),
        ({"engines": [{"name": "sd-cpp", "version": "1", "kinds": ["image"]}]}, True),
        ({"engines": [{"name": "sd-cpp", "version": "1", "kinds": ["video"]}]}, False),
        ({"engines": [], "modelEngines": ["sd-cpp"]}, True),
        ({}, True),
    ],
)
def test_an_offer_names_only_engines_its_worker_names(
    studio: StudioInThread, capabilities: dict[str, Any], gets_it: bool
) -> None:
    worker = studio.new_worker()
    with worker.session(**capabilities):
        job_id = studio.submit(model="flux", modelSource=SD_CPP)
        if gets_it:
            assert worker.take_offer() == job_id
        else:
            worker.heartbeat()
            worker.expect_silence()


def test_an_existing_worker_is_offered_no_role_it_does_not_know(studio: StudioInThread) -> None:
    def source(role: str) -> dict[str, Any]:
        file = {"role": role, "url": "https://x.example/m", "filename": "m"}
        return {"engine": "onnx", "files": [file]}

    existing, vision, ours = (studio.new_worker() for _ in range(3))
    strange = studio.submit(modelSource=source("scheduler"))
    labels = studio.submit(modelSource=source("labels"))
    with existing.session():
        existing.expect_silence()
    with vision.session(modelEngines=["onnx", "onnx-vision"]):
        assert vision.take_offer() == labels
        engines = [{"name": "onnx", "version": "1", "kinds": ["image"]}]
        with ours.session(engines=engines):
            assert ours.take_offer() == strange


def test_an_offer_is_written_so_that_an_existing_worker_can_read_it(studio: StudioInThread) -> None:
    worker = studio.new_worker()
    chat = {**CHAT, "stop": "END", "reasoning": {"effort": "low"}}
    clip = {"kind": "video", "prompt": "p", "fps": 7.6}
    with worker.session():
        studio.submit({**PICTURE, "seed": 2**64 - 1, "steps": 3})
        claim = worker.expect("offer")["claim"]
        assert claim["modelSource"]["cliDefaults"] == {
            "cfgScale": 0,
            "steps": 0,
            "width": 0,
            "height": 0,
        }
        assert claim["task"]["seed"] == 2**64 - 1
        assert claim["vramGbEstimate"] == 0
        for task, told in (
            ({**PICTURE, "seed": -1}, PICTURE),
            (chat, {**chat, "stop": ["END"], "reasoning": '{"effort":"low"}'}),
            (clip, {**clip, "fps": 8}),
        ):
            worker.send("fail", jobId=claim["jobId"], error="next", retryable=False)
            worker.expect("failAck")
            studio.submit(task)
            claim = worker.expect("offer")["claim"]
            assert claim["task"] == told


def test_a_job_for_3d_models_goes_to_a_worker_that_makes_them(studio: StudioInThread) -> None:
    plain, able = studio.new_worker(), studio.new_worker()
    engines = [{"name": "carve", "version": "1", "kinds": ["mesh"]}]
    with plain.session(), able.session(taskKinds=["mesh", "hologram"], engines=engines):
        task = {"kind": "mesh", "imageUrl": "https://x.example/a.png"}
        source = {"engine": "carve", "files": []}
        job_id = studio.submit(task, model="m", modelSource=source)
        assert able.take_offer() == job_id
        done = able.complete(job_id, b"glTF", ext="glb", mime="model/gltf-binary")
        assert done.status_code == 204
        plain.expect_silence()


def test_a_worker_short_of_memory_gets_the_next_smaller_job(studio: StudioInThread) -> None:
    worker = studio.new_worker()
    with worker.session():
        large = studio.submit(vramGbEstimate=8.0)
        worker.expect("offer")
        worker.send("reject", jobId=large, reason="full", code="insufficient_memory")
        assert studio.wait_state(large, "queued")["attempts"] == 0
        small = studio.submit(vramGbEstimate=1.0)
        assert worker.take_offer() == small
