"""How a result was made, as its worker tells it (protocol §3.1, ``meta``)."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from plugins.studio.tests.support.commands import Good, Run
from plugins.studio.tests.support.studio_in_thread import Holding, StudioInThread

CHAT = {"kind": "llm", "messages": [{"role": "user", "content": "hello"}]}
META = {
    "engine": "sd-cpp",
    "engineVersion": "1.2",
    "model": "synthetic",
    "seed": 2**64 - 1,
    "steps": 8,
    "width": 640,
    "height": 480,
    "seconds": 1.25,
    "agentVersion": "0.1.0",
}
BROKEN = [
    "",
    "{",
    "null",
    "[]",
    '{"seed":-1}',
    '{"seed":18446744073709551616}',
    '{"seed":"7"}',
    '{"width":1e99}',
    '{"model":"' + "m" * 600 + '"}',
    '{"seed":7,"x":"' + "y" * 1_000_000 + '"}',
    "[" * 3000,
    b"\xff\xfe\x00",
]


def test_it_is_kept_and_shown_with_the_job(holding: Holding, good: Good) -> None:
    studio, worker, job_id = holding
    assert worker.complete(job_id, meta=json.dumps(META)).status_code == 204
    assert studio.job(job_id)["meta"] == META
    shown = good("job", job_id).splitlines()
    assert f"seed      {2**64 - 1}" in shown
    assert "made      by sd-cpp 1.2, studio-worker 0.1.0, 8 steps, 640×480, 1.2 s" in shown
    assert json.loads(good("job", job_id, "--json"))["meta"] == META
    assert "meta" not in studio.call("GET", "/jobs")["items"][0]


def test_it_survives_a_restart_of_the_studio(studio: StudioInThread) -> None:
    worker = studio.new_worker()
    with worker.session():
        job_id = studio.submit()
        worker.take_offer()
        worker.complete(job_id, meta=json.dumps(META))
    studio.restart()
    assert studio.job(job_id)["meta"] == META


def test_without_it_a_job_has_none(holding: Holding, good: Good) -> None:
    studio, worker, job_id = holding
    assert worker.complete(job_id).status_code == 204
    assert "meta" not in studio.job(job_id)
    assert "made" not in good("job", job_id)


@pytest.mark.parametrize("meta", BROKEN, ids=range(len(BROKEN)))
def test_a_broken_one_does_not_cost_the_file(holding: Holding, meta: str | bytes) -> None:
    studio, worker, job_id = holding
    assert worker.complete(job_id, b"bytes", meta=meta).status_code == 204
    job = studio.job(job_id)
    assert job["state"] == "done"
    assert "meta" not in job
    assert studio.raw("GET", f"/jobs/{job_id}/result").content == b"bytes"


def test_what_is_not_known_of_it_is_left_out(holding: Holding) -> None:
    studio, worker, job_id = holding
    worker.complete(job_id, meta='{"seed":7,"mood":"fine"}')
    assert studio.job(job_id)["meta"] == {"seed": 7}


def test_it_comes_with_an_answer(studio: StudioInThread) -> None:
    worker = studio.new_worker()
    with worker.session():
        job_id = studio.submit(CHAT)
        worker.take_offer()
        worker.send("completeJson", jobId=job_id, result={"a": 1}, meta={"engine": "synthetic"})
        worker.expect("completeAck")
        assert studio.job(job_id)["meta"] == {"engine": "synthetic"}


@pytest.mark.parametrize(
    "meta",
    ["7", "[]", '{"seed":-1}', '{"engine":"\\ud800"}', '{"seconds":NaN}', "1e999", '"' * 2],
)
def test_a_broken_one_does_not_cost_the_answer(studio: StudioInThread, meta: str) -> None:
    worker = studio.new_worker()
    with worker.session():
        job_id = studio.submit(CHAT)
        worker.take_offer()
        frame = f'{{"type":"completeJson","jobId":"{job_id}","result":{{"a":1}},"meta":{meta}}}'
        worker.socket.send(frame)
        worker.expect("completeAck")
        job = studio.wait_state(job_id, "done")
        assert job["result"]["json"] == {"a": 1}
        assert job.get("meta", {}) == {}


def test_whoever_waits_or_fetches_is_told_the_seed(
    studio: StudioInThread, run: Run, tmp_path: Path
) -> None:
    worker = studio.new_worker()
    with worker.session():

        def work() -> None:
            job_id = worker.take_offer()
            worker.complete(job_id, meta='{"seed":12345678901234567890}')

        thread = threading.Thread(target=work)
        thread.start()
        arguments = ("--kind", "image", "--model", "synthetic", "--prompt", "x", "--wait")
        done = run("submit", *arguments)
        thread.join(60)
    assert done.code == 0
    assert "done, seed 12345678901234567890; " in done.out
    (job,) = studio.call("GET", "/jobs")["items"]
    saved = run("result", job["jobId"], "-o", str(tmp_path))
    assert saved.out.strip().endswith("(7 bytes, seed 12345678901234567890)")
