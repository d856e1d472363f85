"""The view Models of a real worker: loaded, downloaded, added, removed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest

from tests.downloads.file_server import Answer, FileServer, content, sha256
from tests.local_api.page.browsing import Visitor
from tests.local_api.page.test_create import MARKUP, SHOWN
from tests.local_api.test_worker import LocalWorker, announced
from tests.support.waiting import eventually

FILE = content(60_000)


@pytest.fixture(scope="module")
def server() -> Iterator[FileServer]:
    server = FileServer()
    server.serve("/m.bin", FILE)
    yield server
    server.close()


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalWorker]:
    with LocalWorker(tmp_path_factory.mktemp("models") / "worker") as worker:
        yield worker


@pytest.fixture
def at_home(worker: LocalWorker) -> Iterator[Visitor]:
    found = announced(worker)
    with Visitor(found["url"]) as visitor:
        yield visitor.sign_in(found["token"])


def part(page: str, model: str) -> str:
    """What the page says of one model."""
    found = re.search(rf'<li class="model"[^>]* data-model="{model}">.*?\n</li>', page, re.S)
    assert found, f"no {model} in {page}"
    return unescape(found[0])


def phase(visitor: Visitor, model: str) -> str:
    found = re.search(r'data-phase="(\w+)"', part(visitor.get("/ui/models").text, model))
    return found[1] if found else ""


def add(visitor: Visitor, **fields: str) -> str:
    answer = visitor.post("/ui/models/add", {"csrf": visitor.csrf(), **fields})
    return answer.text


def test_a_model_is_loaded_and_unloaded(at_home: Visitor) -> None:
    page = at_home.get("/ui/models").text
    assert "No model is loaded" in page
    assert "Not loaded" in part(page, "synthetic-image")
    given = {"csrf": at_home.csrf(), "model": "synthetic-image"}
    answer = at_home.post("/ui/models/load", given)
    assert answer.url.endswith("/ui/models"), "without a script one comes back to the view"
    eventually("it is loaded", lambda: phase(at_home, "synthetic-image") == "loaded")
    page = at_home.get("/ui/models").text
    assert "No model is loaded" not in page
    assert "Kept loaded" in part(page, "synthetic-image")
    assert "in memory" in part(page, "synthetic-image"), "what its process takes"
    only = at_home.get("/ui/models?which=kept").text
    assert re.findall(r'data-model="([^"]+)"', only) == ["synthetic-image"]
    at_home.post("/ui/models/unload", given)
    eventually("it is gone", lambda: phase(at_home, "synthetic-image") == "unloaded")
    assert "No model fits" in at_home.get("/ui/models?which=kept").text


def test_a_part_that_has_not_changed_is_not_sent_again(at_home: Visitor) -> None:
    headers = {"hx-request": "true"}
    first = at_home.get("/ui/models?q=synthetic-image", headers=headers).text
    assert "<html" not in first
    found = re.search(r'id="models"[^>]* hx-get="([^"]+)"', first)
    assert found
    again = unescape(found[1])
    assert at_home.get(again, headers=headers).status_code == 204
    assert at_home.get(again.replace("image", "llm"), headers=headers).status_code == 200
    assert "<html" in at_home.get(again).text


def test_what_cannot_be_is_said_at_its_model(at_home: Visitor) -> None:
    add(at_home, id="no-engine", engine="synthetic", kind="mesh")
    shown = part(at_home.get("/ui/models").text, "no-engine")
    assert "does not serve it" in shown
    assert ">Load<" not in shown
    csrf = at_home.csrf()
    unknown = at_home.post("/ui/models/load", {"csrf": csrf, "model": MARKUP})
    assert unknown.status_code == 404
    assert "<script>alert" not in unknown.text
    headers = {"hx-request": "true"}
    given = {"csrf": csrf, "model": "no-engine"}
    at_home.post("/ui/models/load", given, headers=headers)
    eventually("it has failed", lambda: phase(at_home, "no-engine") == "failed")
    assert "failed pre" in part(at_home.get("/ui/models").text, "no-engine")


def test_a_model_is_added_downloaded_and_removed(
    at_home: Visitor, server: FileServer, worker: LocalWorker
) -> None:
    line = f"model={server.url('/m.bin')}#sha256={sha256(FILE)}&size={len(FILE)}"
    about = {"engine": "synthetic", "kind": "image", "files": line, "gpu": "1,5"}
    add(at_home, id="own", name=f"Mine {MARKUP}", about="It paints.", group="g", **about)
    page = at_home.get("/ui/models?q=paints").text
    assert SHOWN in page
    assert "<script>alert" not in page
    shown = part(page, "own")
    for each in ("1.5 GB of GPU memory", "m.bin", "1 to download", "60.0 kB", "“g”"):
        assert each in shown
    given = {"csrf": at_home.csrf(), "model": "own"}
    at_home.post("/ui/models/pull", given)
    eventually(
        "it is here", lambda: "to download" not in part(at_home.get("/ui/models").text, "own")
    )
    assert "60.0 kB on disk" in part(at_home.get("/ui/models").text, "own")
    asked = at_home.get("/ui/models/remove?model=own").text
    assert "Delete what was downloaded for it, too: 60.0 kB" in asked
    at_home.post("/ui/models/remove", given)
    left = part(at_home.get("/ui/models").text, "own")
    assert "nothing uses them" in left
    at_home.post("/ui/models/remove", {**given, "files": "yes"})
    assert 'data-model="own"' not in at_home.get("/ui/models").text
    assert not list(Path(worker.config.parent / "models").rglob("m.bin"))
    assert at_home.get("/ui/models/remove?model=own").status_code == 404


def test_a_download_can_be_stopped_and_says_why_it_failed(
    at_home: Visitor, server: FileServer
) -> None:
    server.serve("/slow.bin", FILE, Answer(stalls_after=1000))
    server.serve("/torn.bin", FILE)
    for name, digest in (("slow", sha256(FILE)), ("torn", "0" * 64)):
        line = f"model={server.url(f'/{name}.bin')}#sha256={digest}"
        add(at_home, id=name, engine="synthetic", kind="image", files=line)
    csrf = at_home.csrf()
    at_home.post("/ui/models/pull", {"csrf": csrf, "model": "slow"})
    at_home.post("/ui/models/pull", {"csrf": csrf, "model": "torn"})
    waiting = part(at_home.get("/ui/models").text, "torn")
    assert "Waits for the download before it" in waiting
    assert server.stalled.wait(120), "it has begun"
    at_home.post("/ui/models/cancel", {"csrf": csrf, "model": "slow"})
    failed = eventually(
        "the next one has failed",
        lambda: (
            shown
            if "The download failed" in (shown := part(at_home.get("/ui/models").text, "torn"))
            else None
        ),
    )
    assert "sha256" in failed or "checksum" in failed
    assert "Download" in part(at_home.get("/ui/models").text, "slow"), "it can be tried again"


def test_a_form_that_does_not_fit_says_so_at_its_fields(at_home: Visitor) -> None:
    page = add(at_home, id="", engine="synthetic", gpu="-1", files="http://x/y", about=MARKUP)
    for each in ("Id is missing.", "Files: ", "write model="):
        assert each in page
    assert SHOWN in page, "what was typed is still there"
    page = add(at_home, id="x", engine="synthetic", gpu="-1")
    assert 'id="gpu-wrong"' in page
    page = add(at_home, id="x", engine="synthetic", files="model=ftp://hub.example/m.gguf")
    assert 'id="files-wrong"' in page
    assert 'data-model="x"' not in at_home.get("/ui/models").text
    page = add(at_home, id="synthetic-image", engine="synthetic")
    assert "there is a model of this id" in page
    add(at_home, id="twice", engine="synthetic", kind="image")
    add(at_home, id="twice", engine="synthetic", kind="image", name="Anew", replace="yes")
    assert "Anew" in part(at_home.get("/ui/models").text, "twice")
