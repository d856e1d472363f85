"""Create and Models, as they are without JavaScript."""

from __future__ import annotations

import base64
import json
import threading
from typing import Any

import pytest
import requests

from plugins.studio.tests.pages.browsing import UI, Visitor, hidden
from plugins.studio.tests.pages.test_job_views import MARKUP, SHOWN, picture
from plugins.studio.tests.support.studio_in_thread import StudioInThread


def create(
    visitor: Visitor, kind: str, fields: dict[str, str], files: dict[str, Any] | None = None
) -> requests.Response:
    form = visitor.page(f"create/{kind}")
    given = {name: hidden(form, name) for name in ("csrf", "once")}
    given |= {"model": "synthetic", **fields}
    return visitor.post(f"{UI}/create/{kind}", given, files=files)


def made(studio: StudioInThread, answer: requests.Response) -> dict[str, Any]:
    assert answer.ok, answer.text
    return studio.job(answer.url.rpartition("/")[2])


FIELDS: dict[str, dict[str, str]] = {
    "image": {"prompt": f"a fox {MARKUP}", "width": "64", "seed": str(2**64 - 1), "ext": "png"},
    "video": {"prompt": "waves", "seconds": "0,5", "fps": "12"},
    "audio_tts": {"text": "hello", "speed": "1.5", "language": "de"},
    "audio_stt": {"input_url": "https://example.com/a.wav", "vad": "yes", "timestamps": "word"},
    "llm": {"messages": "hello", "stop": "a\nb", "json_schema": '{"type": "object"}'},
    "mesh": {"image_url": "https://example.com/a.png"},
}
TASKS: dict[str, dict[str, Any]] = {
    "image": {"prompt": f"a fox {MARKUP}", "width": 64, "seed": 2**64 - 1, "ext": "png"},
    "video": {"prompt": "waves", "seconds": 0.5, "fps": 12.0},
    "audio_tts": {"text": "hello", "speed": 1.5, "language": "de"},
    "audio_stt": {"inputUrl": "https://example.com/a.wav", "vad": True, "timestamps": "word"},
    "llm": {
        "messages": [{"role": "user", "content": "hello"}],
        "stop": ["a", "b"],
        "jsonSchema": {"type": "object"},
    },
    "mesh": {"imageUrl": "https://example.com/a.png"},
}


@pytest.mark.parametrize("kind", FIELDS)
def test_each_kind_is_created_and_comes_back_into_its_form(
    visitor: Visitor, studio: StudioInThread, kind: str
) -> None:
    more = {"priority": "-3", "max_attempts": "1"}
    job = made(studio, create(visitor, kind, {**FIELDS[kind], **more}))
    assert (job["kind"], job["priority"], job["maxAttempts"]) == (kind, -3, 1)
    for name, value in TASKS[kind].items():
        assert job["task"][name] == value
    form = visitor.page(f"create/{kind}?from={job['jobId']}")
    assert MARKUP not in form
    if kind == "image":
        assert f"a fox {SHOWN}" in form
        assert "18446744073709551615" in form
    visitor.page(f"jobs/{job['jobId']}")


def test_a_picture_goes_with_the_task(visitor: Visitor, studio: StudioInThread) -> None:
    files = {"init_image_url_file": (f"{MARKUP}.png", picture(), "image/svg+xml")}
    job = made(studio, create(visitor, "image", {"prompt": "x"}, files))
    head, _, data = job["task"]["initImageUrl"].partition(",")
    assert head == "data:image/png;base64", "what it is, not what the browser calls it"
    assert base64.b64decode(data) == picture()
    page = visitor.page(f"jobs/{job['jobId']}")
    assert data not in page
    files = {"images_file": ("a.png", picture(), "image/png")}
    job = made(studio, create(visitor, "llm", {"messages": "what is it?"}, files))
    assert len(job["task"]["images"]) == 1


@pytest.mark.parametrize(
    ("kind", "fields", "name", "words"),
    [
        ("image", {}, "prompt", "Prompt is missing."),
        ("image", {"prompt": "x", "width": "0"}, "width", "Width: Expected `int` &gt;= 1."),
        ("image", {"prompt": "x", "steps": "many"}, "steps", "a whole number is needed"),
        ("image", {"prompt": "x", "seed": str(2**64)}, "", "Seed must be at most"),
        ("image", {"prompt": "x", "priority": "high"}, "priority", "A whole number is needed"),
        ("image", {"prompt": "x", "model": "none"}, "model", "not in the model registry"),
        ("image", {"prompt": "x", "model": ""}, "model", "Choose a model"),
        ("video", {"prompt": "x", "seconds": "nan"}, "seconds", "a number is needed"),
        ("llm", {"messages": "x", "json_schema": "{"}, "json_schema", "this is not JSON"),
        ("audio_stt", {"input_url": "u", "timestamps": "x"}, "", "is none of"),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_nothing_is_lost(
    visitor: Visitor,
    studio: StudioInThread,
    kind: str,
    fields: dict[str, str],
    name: str,
    words: str,
) -> None:
    answer = create(visitor, kind, {"voice": f"{MARKUP}", "system": "be kind", **fields})
    assert answer.status_code == 422
    assert words in answer.text
    if name:
        assert f'href="#f-{name}"' in answer.text
        assert f'id="f-{name}"' in answer.text
    if kind == "llm":
        assert "be kind" in answer.text
    assert studio.call("GET", "/jobs")["items"] == []


def test_files_that_are_no_pictures_or_too_large_are_refused(visitor: Visitor) -> None:
    for data, words in ((b"MZ nonsense", "no picture"), (b"\x89PNG" * (2 << 20), "has more than")):
        files = {"init_image_url_file": ("a.png", data, "image/png")}
        answer = create(visitor, "image", {"prompt": "x"}, files)
        assert answer.status_code == 422
        assert words in answer.text


def test_a_form_that_is_sent_twice_at_once_makes_one_job(
    visitor: Visitor, studio: StudioInThread
) -> None:
    form = visitor.page("create/image")
    given = {name: hidden(form, name) for name in ("csrf", "once")}
    given |= {"model": "synthetic", "prompt": "x"}
    answers: list[requests.Response] = []
    cookies = visitor.http.cookies.get_dict()

    def send() -> None:
        address = f"{visitor.url}{UI}/create/image"
        answers.append(requests.post(address, data=given, cookies=cookies, timeout=120))

    threads = [threading.Thread(target=send) for _ in range(6)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len({each.url for each in answers}) == 1
    assert all(each.ok for each in answers)
    assert len(studio.call("GET", "/jobs")["items"]) == 1


def test_a_script_is_sent_on_and_a_kind_without_a_model_says_so(
    visitor: Visitor, studio: StudioInThread
) -> None:
    form = visitor.page("create/image")
    given = {"csrf": hidden(form, "csrf"), "once": "1", "model": "synthetic", "prompt": "x"}
    answer = visitor.post(f"{UI}/create/image", given, headers={"hx-request": "true"})
    assert answer.headers["hx-redirect"].startswith(f"{UI}/jobs/job-")
    for model in studio.call("GET", "/models")["items"]:
        studio.raw("DELETE", f"/models/{model['id']}")
    assert "No model does this" in visitor.page("create/image")
    assert "No models" in visitor.page("models")
    assert visitor.get(f"{UI}/create/nonsense").status_code == 404


def test_a_model_is_added_edited_switched_off_and_deleted(
    visitor: Visitor, studio: StudioInThread
) -> None:
    ident = "my/model é"
    files = [{"role": "model", "url": "https://example.com/a.gguf", "filename": "a.gguf"}]
    fields = {
        "id": ident, "name": f"Mine {MARKUP}", "kind": "llm", "engine": "llama-cpp", "vram": "6,5",
        "files": json.dumps(files), "defaults": '{"contextSize": 4096}', "enabled": "yes",
    }  # fmt: skip
    answer = visitor.change("models/edit", is_new="yes", **fields)
    assert answer.ok, answer.text
    assert f"Mine {SHOWN}" in answer.text
    found = {each["id"]: each for each in studio.call("GET", "/models")["items"]}[ident]
    assert found["vramGbEstimate"] == 6.5
    assert found["source"]["files"][0]["filename"] == "a.gguf"
    assert found["source"]["cliDefaults"]["contextSize"] == 4096
    answer = visitor.change("models/edit", is_new="yes", **fields)
    assert answer.status_code == 422
    assert "such a model already" in answer.text
    form = visitor.page("models/edit?id=my%2Fmodel%20%C3%A9")
    assert "a.gguf" in form
    visitor.change("models/edit", **{**fields, "name": "Other"})
    assert "Other" in visitor.page("models")
    visitor.change("models/enabled", id=ident, enabled="no")
    found = {each["id"]: each for each in studio.call("GET", "/models")["items"]}[ident]
    assert found["enabled"] is False
    assert found["source"]["files"], "only that was changed"
    assert ident not in visitor.page("create/llm")
    assert "Jobs in the queue keep it" in visitor.page("models/delete?id=my%2Fmodel%20%C3%A9")
    visitor.change("models/delete", id=ident)
    assert "Other" not in visitor.page("models")
    assert visitor.change("models/delete", id=ident).status_code == 404


@pytest.mark.parametrize(
    ("fields", "name", "words"),
    [
        ({"id": ""}, "id", "characters are needed"),
        ({"engine": ""}, "engine", "Engine: "),
        ({"vram": "much"}, "vram", "a number is needed"),
        ({"vram": "-1"}, "vram", "Graphics memory: "),
        ({"kind": "song"}, "kind", "Kind: "),
        ({"files": "["}, "files", "this is not JSON"),
        ({"files": '[{"role": "model"}]'}, "files", "Files (source.files[0])"),
        ({"defaults": "[]"}, "defaults", "Defaults"),
    ],
)
def test_a_model_that_is_wrong_is_not_kept(
    visitor: Visitor, studio: StudioInThread, fields: dict[str, str], name: str, words: str
) -> None:
    given = {"id": "new", "engine": "e", "vram": "0", "is_new": "yes", **fields}
    answer = visitor.change("models/edit", **given)
    assert answer.status_code == 422
    assert words in answer.text
    assert f'href="#f-{name}"' in answer.text
    assert studio.raw("GET", "/models/new").status_code == 404
