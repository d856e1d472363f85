"""What is sent to ``/mesh``, ``/vision``, ``/tokenize`` and ``/stream-tokens``."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from msgspec.structs import replace
from PIL import Image

from studio_worker_core.local_api.work import Served
from studio_worker_core.models.entries import CatalogueEntry
from studio_worker_core.roster.roster import Roster
from studio_worker_core.wire.models import ModelSource
from studio_worker_core.wire.tasks import TaskKind
from tests.local_api.conftest import NAMES
from tests.local_api.served_here import TOKEN, ServedHere
from tests.support.emitting_engine import emitting_entry

SIGNED = {"authorization": f"Bearer {TOKEN}"}


def picture(kind: str = "PNG") -> bytes:
    made = io.BytesIO()
    Image.new("RGB", (64, 48), (200, 30, 30)).save(made, kind)
    return made.getvalue()


PNG = picture()
BASE64 = base64.b64encode(PNG).decode()
FORM = {"files": {"image": ("a.png", PNG, "image/png")}}


@pytest.fixture(scope="module")
def shaping(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedHere]:
    """One with an engine that makes meshes."""
    entry = emitting_entry()
    assert entry.spec is not None
    models = {TaskKind.MESH: ("cube",)}
    spec = replace(entry.spec, models=models)
    ext = {"glb": "model/gltf-binary"}
    entry = replace(entry, spec=spec, kinds=(TaskKind.MESH,), models=models, extensions=ext)
    known = CatalogueEntry("far", ModelSource("elsewhere"), kind=TaskKind.AUDIO_STT)
    root = tmp_path_factory.mktemp("shaping")
    with ServedHere(root, NAMES, [known], roster=Roster([entry])) as served:
        yield served


def ask(here: ServedHere, path: str, **how: Any) -> tuple[int, str, str]:
    """Status, type and text of an answer."""
    headers = {**SIGNED, **how.pop("headers", {})}
    answer = requests.post(f"{here.url}{path}", headers=headers, timeout=120, **how)
    return answer.status_code, answer.headers["content-type"].partition(";")[0], answer.text


def of_type(kind: str, data: bytes = PNG) -> dict[str, Any]:
    return {"data": data, "headers": {"content-type": kind}}


@pytest.mark.parametrize(
    "how",
    [
        {"data": PNG},
        {"data": iter([PNG])},
        of_type("image/png"),
        of_type("IMAGE/PNG; x=y"),
        of_type("application/octet-stream"),
        FORM,
        {"json": {"image": BASE64}},
        {"json": {"image": f"data:image/png;base64,{BASE64}", "seed": None}},
    ],
)
def test_a_picture_comes_in_each_way_and_is_made_into_a_mesh(
    shaping: ServedHere, how: dict[str, Any]
) -> None:
    status, kind, text = ask(shaping, "/mesh?model=cube", **how)
    assert (status, kind) == (200, "model/gltf-binary"), text
    assert text.startswith("glTF")


@pytest.mark.parametrize(
    ("seed", "how"),
    [
        ("?seed=18446744073709551615", of_type("image/png")),
        ("", {**FORM, "data": {"model": "cube", "seed": "3"}}),
        ("", {"json": {"image": BASE64, "seed": 7}}),
        ("", {"json": {"image": BASE64, "seed": "7"}}),
    ],
)
def test_options_come_in_the_address_the_form_or_the_json(
    shaping: ServedHere, seed: str, how: dict[str, Any]
) -> None:
    assert ask(shaping, f"/mesh{seed}", **how)[0] == 200


@pytest.mark.parametrize(
    ("path", "how", "words"),
    [
        ("/mesh?colour=red", of_type("image/png"), "unknown option 'colour'"),
        ("/mesh?ext=obj", of_type("image/png"), "takes model, seed"),
        ("/mesh?seed=x", of_type("image/png"), "seed"),
        ("/mesh?seed=-1", of_type("image/png"), "seed"),
        ("/mesh?seed=5.0", of_type("image/png"), "seed"),
        ("/mesh?seed=18446744073709551616", of_type("image/png"), "seed"),
        ("/mesh", of_type("image/png", b"nope"), "not an image"),
        ("/mesh", of_type("image/png", b""), "no picture"),
        ("/mesh", of_type("image/gif", picture("GIF")), "only png, jpg and webp"),
        ("/mesh", of_type("image/png", PNG[:60]), "image"),
        ("/mesh", {"json": {"model": "cube"}}, "no 'image'"),
        ("/mesh", {"json": {"image": 5}}, "no 'image'"),
        ("/mesh", {"json": {"image": "https://x.example/a.png"}}, "not fetched"),
        ("/mesh", {"json": {"image": "data:image/png;base64,!"}}, "base64"),
        ("/mesh", {"json": {"image": BASE64, "seed": True}}, "seed"),
        ("/mesh", {"json": {"image": BASE64, "x": 1}}, "unknown option 'x'"),
        ("/mesh", {"json": [1]}, "not a JSON object"),
        ("/mesh", of_type("application/json", b"{"), "not JSON"),
        ("/mesh", {"files": {"other": ("a.png", PNG)}}, "field 'image'"),
        ("/mesh", {**FORM, "data": {"color": "3"}}, "unknown option 'color'"),
        ("/vision/detect?iou=2", of_type("image/png"), "iou"),
        ("/vision/detect?minConfidence=x", of_type("image/png"), "minConfidence"),
        ("/vision/detect?topK=1", of_type("image/png"), "unknown option 'topK'"),
        ("/vision/classify?topK=0", of_type("image/png"), "topK"),
        ("/vision/classify?topK=101", of_type("image/png"), "topK"),
        ("/vision/species?model=x", of_type("image/png"), "unknown option 'model'"),
        ("/vision/species", of_type("image/png", b"nope"), "not an image"),
    ],
)
def test_what_is_wrong_is_named(
    shaping: ServedHere, path: str, how: dict[str, Any], words: str
) -> None:
    status, kind, text = ask(shaping, path, **how)
    assert (status, kind) == (400, "application/json"), text
    said = json.loads(text)
    assert said["error"] == "bad_request"
    assert words in said["message"]


@pytest.mark.parametrize("path", ["/mesh", "/vision/detect", "/vision/classify", "/vision/species"])
def test_a_body_of_another_type_is_not_read(shaping: ServedHere, path: str) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded"):
        status, _, text = ask(shaping, path, **of_type(kind))
        assert (status, json.loads(text)["error"]) == (415, "unsupported_media_type")


def test_a_mesh_model_that_is_not_there_is_refused_in_plain_words(shaping: ServedHere) -> None:
    status, kind, text = ask(shaping, "/mesh?model=nope", **of_type("image/png"))
    assert (status, kind) == (400, "text/plain")
    assert "nope" in text


@pytest.mark.parametrize("path", ["/mesh", "/vision/detect", "/vision/classify", "/vision/species"])
def test_what_no_engine_does_is_said(here: ServedHere, path: str) -> None:
    status, _, text = ask(here, path, **of_type("image/png"))
    assert (status, json.loads(text)["error"]) == (501, "not_served")


@pytest.mark.parametrize(
    "path", ["/vision/detect?model=", "/vision/classify?model=", "/vision/species?classifier="]
)
def test_a_model_that_does_not_look_at_pictures_is_refused(here: ServedHere, path: str) -> None:
    for name, status, code in (
        ("nope", 404, "unknown_model"),
        ("procedural", 400, "wrong_model"),
        ("gpt-image-1", 400, "wrong_model"),
    ):
        found = ask(here, f"{path}{name}", **of_type("image/png"))
        assert (found[0], json.loads(found[2])["error"]) == (status, code)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 400, "bad_request"),
        ([1], 400, "bad_request"),
        ({"content": 1}, 400, "bad_request"),
        ({"content": "x", "add_special": "y"}, 400, "bad_request"),
        ({"content": "x", "model": "nope"}, 404, "unknown_model"),
        ({"content": "x", "model": ""}, 404, "unknown_model"),
        ({"content": "x", "model": "procedural"}, 400, "bad_request"),
        ({"content": "x", "model": "synthetic-llm"}, 409, "model_not_loaded"),
        ({"content": "", "add_special": True, "other": 1}, 409, "model_not_loaded"),
    ],
)
def test_tokens_are_refused_as_the_original_does(
    here: ServedHere, body: Any, status: int, code: str
) -> None:
    here.lanes.unload()
    found, _, text = ask(here, "/tokenize", json=body)
    assert (found, json.loads(text)["error"]) == (status, code)


def test_an_engine_that_tells_no_tokens_is_named_once_its_model_is_loaded(
    here: ServedHere,
) -> None:
    chat = {"model": "synthetic-llm", "messages": [{"role": "user", "content": "a"}]}
    assert ask(here, "/v1/chat/completions", json=chat)[0] == 200
    found, _, text = ask(here, "/tokenize", json={"content": "x", "model": "synthetic-llm"})
    assert (found, json.loads(text)["error"]) == (501, "not_served")
    assert "'synthetic'" in text


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 400, "bad_request"),
        ({"model": 1}, 400, "bad_request"),
        ({"model": "cube", "ttlSecs": "x"}, 400, "bad_request"),
        ({"model": ""}, 404, "unknown_model"),
        ({"model": "nope", "ttlSecs": 1}, 404, "unknown_model"),
        ({"model": "cube"}, 400, "not_a_stream_model"),
        ({"model": "far"}, 501, "not_served"),
    ],
)
def test_stream_tokens_are_refused_as_the_original_does(
    shaping: ServedHere, body: Any, status: int, code: str
) -> None:
    found, _, text = ask(shaping, "/stream-tokens", json=body)
    assert (found, json.loads(text)["error"]) == (status, code)


def test_a_model_of_the_catalogue_is_known_by_its_kind_though_no_engine_has_it(
    shaping: ServedHere,
) -> None:
    assert shaping.source.kinds_of("far") == {"audio_stt"}
    assert shaping.source.kinds_of("cube") == {"mesh"}
    assert not shaping.source.is_loaded(Served("x", TaskKind.MESH, ModelSource("none")))
