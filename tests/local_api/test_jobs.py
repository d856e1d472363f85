"""``/jobs``: what became of local jobs, over HTTP."""

from __future__ import annotations

import hashlib
import io
import logging
from typing import Any

import pytest
import requests
from PIL import Image

from tests.local_api.served_here import TOKEN, ServedHere

PICTURE = {"model": "procedural", "width": 600, "height": 300, "ext": "png", "seed": 11}


def get(here: ServedHere, path: str, **query: object) -> requests.Response:
    headers = {"authorization": f"Bearer {TOKEN}"}
    params: dict[str, Any] = dict(query)
    return requests.get(here.url + path, params=params, headers=headers, timeout=120)


def made(here: ServedHere, prompt: str) -> tuple[str, bytes]:
    headers = {"authorization": f"Bearer {TOKEN}"}
    body = {"prompt": prompt, **PICTURE}
    answer = requests.post(f"{here.url}/image", json=body, headers=headers, timeout=120)
    assert answer.status_code == 200, answer.text
    return answer.headers["x-job-id"], answer.content


def test_a_job_is_listed_with_its_log_and_its_picture(
    here: ServedHere, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "studio_worker")
    job_id, data = made(here, "a red fox")
    first = get(here, "/jobs").json()[0]
    assert first["startedAt"] <= first["finishedAt"]
    assert {key: first[key] for key in ("jobId", "kind", "model", "prompt", "source")} == {
        "jobId": job_id,
        "kind": "image",
        "model": "procedural",
        "prompt": "a red fox",
        "source": "local",
    }
    assert (first["status"], first["reason"]) == ("completed", None)
    log = get(here, f"/jobs/{job_id}/log").json()
    assert log["dropped"] == 0
    assert {"ts", "level", "target", "message"} == set(log["lines"][0])
    answer = get(here, f"/jobs/{job_id}/thumbnail")
    assert answer.headers["content-type"] == "image/png"
    with Image.open(io.BytesIO(answer.content)) as picture:
        assert picture.size == (384, 192)
    facts = here.history.find(job_id)
    assert facts is not None
    assert facts.sha256 == hashlib.sha256(data).hexdigest()
    assert facts.seed == 11
    assert facts.engine_version
    recipe = here.history.recipe(facts)
    assert recipe is not None
    assert recipe.model_source.engine == "procedural"


def test_pages_and_filters(here: ServedHere) -> None:
    ids = [made(here, f"fox {number}")[0] for number in range(3)]
    listed = [job["jobId"] for job in get(here, "/jobs", limit=3).json()]
    assert listed == ids[::-1]
    older = get(here, "/jobs", limit=2, before=ids[2], source="all", status="completed").json()
    assert [job["jobId"] for job in older] == [ids[1], ids[0]]
    assert get(here, "/jobs", source="studio").json() == []


@pytest.mark.parametrize(
    ("path", "query", "status", "code"),
    [
        ("/jobs/nope/log", {}, 404, "unknown_job"),
        ("/jobs/nope/thumbnail", {}, 404, "unknown_job"),
        (f"/jobs/{'x' * 5000}/log", {}, 404, "unknown_job"),
        ("/jobs", {"before": "nope"}, 404, "unknown_job"),
        ("/jobs", {"source": "moon"}, 400, "bad_request"),
        ("/jobs", {"status": "odd"}, 400, "bad_request"),
        ("/jobs", {"limit": "0"}, 400, "bad_request"),
        ("/jobs", {"limit": "9" * 5000}, 400, "bad_request"),
        ("/jobs", {"limit": "²"}, 400, "bad_request"),
    ],
)
def test_what_is_not_there_or_makes_no_sense_is_refused(
    here: ServedHere, path: str, query: dict[str, str], status: int, code: str
) -> None:
    answer = get(here, path, **query)
    assert answer.status_code == status, answer.text
    assert answer.json()["error"] == code


def test_a_failed_job_has_its_reason_and_no_picture(here: ServedHere) -> None:
    body = {"prompt": "x", "model": "procedural", "initImageUrl": "data:image/png;base64,AAAA"}
    headers = {"authorization": f"Bearer {TOKEN}"}
    answer = requests.post(f"{here.url}/image", json=body, headers=headers, timeout=120)
    assert answer.status_code == 400
    first = get(here, "/jobs").json()[0]
    assert first["status"] == "failed"
    assert "init" in first["reason"]
    refused = get(here, f"/jobs/{first['jobId']}/thumbnail")
    assert (refused.status_code, refused.json()["error"]) == (404, "no_thumbnail")
