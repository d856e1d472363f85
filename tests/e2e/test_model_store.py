"""Offers whose model files come from a server that misbehaves, through real processes.

Whatever the server does, the model's directory holds the right file under its name or none.
"""

from __future__ import annotations

import json
import re
import shutil
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.downloads.file_server import Answer, FileServer, content, sha256
from tests.support.field import Field
from tests.support.waiting import eventually, files_below

DATA = content(700_000)
PICTURE = {"kind": "image", "prompt": "a lighthouse", "width": 64, "height": 64}


class Store:
    """The field, a file server, and what the worker has on its disk."""

    def __init__(self, field: Field, server: FileServer) -> None:
        self.field = field
        self.server = server

    @property
    def root(self) -> Path:
        return self.field.root / "worker" / "models"

    def offer(self, url: str, *, filename: str = "weights.bin", **more: Any) -> dict[str, Any]:
        """Queue a picture whose model has one file; the ended job."""
        file = {"role": "model", "url": url, "filename": filename, "sha256": sha256(DATA), **more}
        source = {"engine": "synthetic", "files": [file]}
        operator = self.field.operator
        job_id = operator.submit("synthetic", PICTURE, modelSource=source, maxAttempts=2)
        return operator.wait_job(job_id, timeout=90)

    def files(self) -> list[Path]:
        """Every model file anywhere below the worker's directory that has its final name."""
        return [path for path in files_below(self.root) if path.name.startswith("weights")]

    def holds_the_right_file(self) -> bool:
        whole = [path for path in self.files() if ".part" not in path.name]
        return len(whole) == 1 and whole[0].read_bytes() == DATA and len(self.files()) == 1

    def holds_nothing_under_the_name(self) -> bool:
        return not [path for path in self.files() if ".part" not in path.name]


@pytest.fixture
def server() -> Iterator[FileServer]:
    server = FileServer()
    yield server
    server.close()


@pytest.fixture
def store(standing: Field, server: FileServer) -> Store:
    """An empty store of a worker that the module's tests share."""
    store = Store(standing, server)
    shutil.rmtree(store.root, ignore_errors=True)
    return store


@pytest.mark.parametrize(
    ("answers", "requests"),
    [
        pytest.param([], 1, id="well behaved"),
        pytest.param([Answer(cut_after=200_000)], 2, id="cut once"),
        pytest.param([Answer(cut_after=200_000), Answer(cut_after=200_000)], 3, id="cut twice"),
        # The rest that was announced is asked for, is not there (416), and all begins anew.
        pytest.param([Answer(announced=900_000)], 3, id="announces more than it has"),
        pytest.param([Answer(announced=100_000)], 2, id="announces less than it has"),
        pytest.param([Answer(flipped=300_000)], 2, id="a wrong byte once"),
        pytest.param([Answer(body=DATA + b"more")], 2, id="too long once"),
        pytest.param(
            [Answer(cut_after=200_000), Answer(ignores_ranges=True)], 2, id="ignores ranges"
        ),
        pytest.param(
            [Answer(cut_after=200_000), Answer(starts_at=100)], None, id="answers another range"
        ),
        pytest.param([Answer(chunked=True, cut_after=200_000)], 2, id="chunked and cut"),
        pytest.param([Answer(status=503)], 2, id="unavailable once"),
    ],
)
def test_the_job_is_done_with_the_right_file_in_the_end(
    store: Store, answers: list[Answer], requests: int | None
) -> None:
    job = store.offer(store.server.serve("/weights.bin", DATA, *answers))
    assert job["state"] == "done", job
    assert job["attempts"] <= 1
    assert store.holds_the_right_file()
    if requests is not None:
        assert len(store.server.requests) == requests


def test_a_cut_download_goes_on_where_it_ended(store: Store) -> None:
    url = store.server.serve("/weights.bin", DATA, Answer(cut_after=200_000))
    assert store.offer(url)["state"] == "done"
    first, second = store.server.requests
    assert "range" not in first.headers
    assert second.headers["range"] == "bytes=200000-"
    assert second.headers["if-range"] == store.server.etags["/weights.bin"]


def test_a_second_job_downloads_nothing(store: Store) -> None:
    url = store.server.serve("/weights.bin", DATA)
    assert store.offer(url)["state"] == "done"
    assert store.offer(url)["state"] == "done"
    assert len(store.server.requests) == 1


def test_a_file_that_stays_wrong_fails_the_job_for_good(store: Store) -> None:
    url = store.server.serve("/weights.bin", DATA)
    store.server.always["/weights.bin"] = Answer(flipped=300_000)
    job = store.offer(url)
    assert job["state"] == "failed"
    assert job["attempts"] <= 1
    assert "weights.bin" in job["error"]
    assert sha256(DATA)[:8] in job["error"]
    assert store.files() == []
    store.server.always.clear()
    assert store.offer(url)["state"] == "done"
    assert store.holds_the_right_file()


def test_a_file_that_is_not_there_is_tried_again_by_the_studio(store: Store) -> None:
    url = store.server.serve("/weights.bin", DATA, Answer(status=404))
    job = store.offer(url)
    assert job["state"] == "done", job
    assert store.holds_the_right_file()


@pytest.mark.parametrize(
    "filename",
    ["../weights.bin", "/tmp/weights.bin", "a/../../weights.bin", "..\\weights.bin", "CON", ".."],
)
def test_a_path_in_a_file_name_is_refused(store: Store, filename: str) -> None:
    job = store.offer(store.server.serve("/weights.bin", DATA), filename=filename)
    assert job["state"] == "failed"
    assert job["attempts"] <= 1
    assert "file name" in job["error"]
    assert store.files() == []
    assert store.server.requests == []


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/hostname",
        "http://10.0.0.1/weights.bin",
        "https://10.0.0.1/weights.bin",
        "https://169.254.169.254/latest/meta-data",
        "https://[fd00::1]/weights.bin",
        "ftp://127.0.0.1/weights.bin",
    ],
)
@pytest.mark.parametrize("redirected", [False, True], ids=["asked", "redirected"])
def test_a_forbidden_address_is_refused(store: Store, url: str, redirected: bool) -> None:
    asked = url
    if redirected:
        away = Answer(status=302, headers={"Location": url})
        asked = store.server.serve("/weights.bin", DATA, away)
    job = store.offer(asked)
    assert job["state"] == "failed"
    assert job["attempts"] <= 1
    assert store.holds_nothing_under_the_name()
    assert len(store.server.requests) == redirected


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for localhost with its key, in one file."""
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    key = path.with_name("key.pem")
    request = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost"
    subprocess.run(
        [
            *("openssl", *request.split(), "-addext", "subjectAltName=DNS:localhost"),
            *("-keyout", str(key), "-out", str(path)),
        ],
        check=True,
        capture_output=True,
    )
    path.write_text(path.read_text("ascii") + key.read_text("ascii"), "ascii")
    return path


def test_https_counts_only_with_a_trusted_certificate(field: Field, certificate: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server = FileServer(context)
    try:
        server.serve("/weights.bin", DATA, Answer(cut_after=200_000))
        field.start_studio()
        worker = field.connected_worker()
        store = Store(field, server)
        job = store.offer(server.url("/weights.bin", "localhost"))
        assert job["state"] == "failed"
        assert "certificate" in job["error"]
        assert store.holds_nothing_under_the_name()
        worker.stop()
        trusting = {"REQUESTS_CA_BUNDLE": str(certificate)}
        again = field.worker("worker", env=trusting)
        field.operator.wait_worker("idle")
        job = store.offer(server.url("/weights.bin", "localhost"))
        assert job["state"] == "done", job
        assert store.holds_the_right_file()
        assert again.process is not None
    finally:
        server.close()


def test_a_worker_killed_in_mid_download_goes_on_from_there(
    field: Field, server: FileServer
) -> None:
    url = server.serve("/weights.bin", DATA, Answer(stalls_after=300_000))
    file = {"role": "model", "url": url, "filename": "weights.bin", "sha256": sha256(DATA)}
    field.start_studio()
    worker = field.connected_worker()
    store = Store(field, server)
    note = store.root / "synthetic" / "weights.bin.part.json"
    job_id = field.operator.submit(
        "synthetic", PICTURE, modelSource={"engine": "synthetic", "files": [file]}
    )
    assert server.stalled.wait(60)
    eventually(
        "half of what came is noted",
        lambda: note.is_file() and json.loads(note.read_bytes()).get("kept", 0) >= 150_000,
    )
    worker.kill()
    assert store.holds_nothing_under_the_name()
    worker.start()
    job = field.operator.wait_job(job_id, timeout=90)
    assert job["state"] == "done", job
    assert store.holds_the_right_file()
    asked = re.fullmatch(r"bytes=([0-9]+)-", server.requests[-1].headers["range"])
    assert asked is not None
    assert int(asked[1]) >= 150_000
    assert server.requests[-1].headers["if-range"] == server.etags["/weights.bin"]


def models(config: Path, *words: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "studio_worker_core.cli.main", "--config", str(config)]
    return subprocess.run(
        [*argv, "models", *words], capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize(
    ("answers", "always", "code"),
    [
        ([Answer(cut_after=200_000), Answer(ignores_ranges=True)], None, 0),
        ([Answer(announced=900_000)], None, 0),
        ([], Answer(flipped=5), 1),
        ([Answer(status=302, headers={"Location": "https://10.0.0.1/"})], None, 1),
    ],
    ids=["cut", "lies about the length", "wrong byte", "redirect to a private address"],
)
def test_a_pull_ends_with_the_right_file_or_none(
    tmp_path: Path, server: FileServer, answers: list[Answer], always: Answer | None, code: int
) -> None:
    config = tmp_path / "config.toml"
    (tmp_path / "models").mkdir()  # found beside the config, so that no file goes to the home
    url = server.serve("/weights.bin", DATA, *answers)
    if always is not None:
        server.always["/weights.bin"] = always
    added = models(
        config,
        *("add", "tiny", "--engine", "coqui", "--kind", "audio_tts"),
        *("--file", f"model={url}#sha256={sha256(DATA)}"),
    )
    assert added.returncode == 0, added.stderr
    pulled = models(config, "pull", "tiny")
    assert (pulled.returncode != 0) == bool(code), pulled.stderr
    assert "Traceback" not in pulled.stderr
    found = [path for path in tmp_path.rglob("weights.bin") if path.is_file()]
    assert [path.read_bytes() for path in found] == ([] if code else [DATA])
