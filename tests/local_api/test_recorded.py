"""The original worker's clients talk to ours: each recorded request is asked of a real worker.

:data:`BETTER` and :data:`OPEN` say where ours answers otherwise. Both are exact: an entry that is
no longer so fails the test until it is taken out.
"""

from __future__ import annotations

import http.client
import io
import json
import socket
from base64 import b64encode
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
import requests
from PIL import Image

from studio_worker_core.local_api.discovery import NAME
from tests.local_api.recording import Recorded, bytes_left_out, complaints, recorded
from tests.support.field import Field
from tests.support.processes import WorkerProcess
from tests.support.waiting import eventually

pytest.importorskip("studio_worker_studio", reason="the studio plugin is not installed")

BETTER = {
    "5 GET /models: answer[]": "our seeds need no files",
    "39 POST /models/syn-image/unload: status 202": "it was loaded, and goes",
    "38 POST /models/syn-image/load: status 202": "what needs no GPU memory is loaded without any",
    "23 POST /v1/chat/completions: status 200": "an unloaded model is loaded, and streams",
    "24 POST /v1/chat/completions: status 200": "json_object is understood, as OpenAI means it",
    "25 POST /v1/chat/completions: status 400": "no messages are the client's fault",
    "26 POST /v1/chat/completions: status 200": "content parts are read",
    "28 POST /stt: status 400": "an address is never fetched for a local request",
    "31 POST /mesh?model=syn-mesh&seed=3: status 501": "no engine here makes a mesh, and says so",
    "32 POST /mesh: status 501": "as 31",
    "35 POST /vision/detect: status 501": "what no engine does is no failure of one",
    "42 GET /v1/models: status 200": "OpenAI's list of models",
}
"""What ours does on purpose: the request and the complaint, and why."""

OPEN: frozenset[str] = frozenset()
"""What is not there yet: the request and the complaint. Whoever builds it takes the line out."""

ALL = recorded()


class Player:
    """Asks a worker what the original was asked."""

    def __init__(self, worker: WorkerProcess, studio_url: str, studio_job: str) -> None:
        there = json.loads((worker.config.parent / NAME).read_text("utf-8"))
        self.url, self.token = there["url"], there["token"]
        self._names = {
            "http://127.0.0.1:<port>/": studio_url,
            "<dir>/models": str(worker.config.parent / "models"),
            "<url>": "https://feed.example/releases",
            "studio-1": studio_job,
            "syn-": "synthetic-",  # our placeholder engine takes models of its own name only
        }

    def has_beaten(self) -> bool:
        """Whether the worker has sent a heartbeat, as the original had when it was asked."""
        signed = {"authorization": f"Bearer {self.token}"}
        answer = requests.get(f"{self.url}/daemon/status", headers=signed, timeout=120)
        return answer.json()["heartbeat"] is not None

    def complaints(self, known: Recorded) -> list[str]:
        size = bytes_left_out(known.body) or 0
        if size > 1 << 20:
            return list(complaints(known, *self._announced(known, size)))
        answer = requests.request(
            known.method,
            self.url + self._named(known.path),
            data=self._body(known),
            headers=self._headers(known),
            timeout=120,
        )
        if "x-job-id" in answer.headers and known.path == "/image":
            self._names["local-<n>"] = answer.headers["x-job-id"]
        kind = answer.headers.get("content-type", "")
        return list(complaints(known, answer.status_code, kind, answer.content))

    def _headers(self, known: Recorded) -> dict[str, str]:
        signed = {"authorization": f"Bearer {self.token}"} if known.token else {}
        kind = {"content-type": "application/json"} if isinstance(known.body, dict) else {}
        return {**kind, **signed, **known.headers}

    def _body(self, known: Recorded) -> bytes | None:
        if known.body is None:
            return None
        size = bytes_left_out(known.body)
        if size is not None:
            return b"nope" if size == 4 else PICTURE
        body = known.body
        if isinstance(body, dict) and "image" in body:  # cut short in the recording
            body = body | {"image": f"data:image/png;base64,{b64encode(PICTURE).decode()}"}
        return self._named(json.dumps(body)).encode()

    def _named(self, text: str) -> str:
        for name, real in self._names.items():
            text = text.replace(name, real)
        return text

    def _announced(self, known: Recorded, size: int) -> tuple[int, str, bytes]:
        """The answer to the head of a request whose body is not sent: it is too large."""
        host = self.url.removeprefix("http://")
        lines = {"host": host, "content-length": str(size), **self._headers(known)}
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        with socket.create_connection(("127.0.0.1", int(host.rpartition(":")[2])), 60) as line:
            line.sendall(f"{known.request} HTTP/1.1\r\n{head}\r\n".encode())
            answer = http.client.HTTPResponse(line, method=known.method)
            answer.begin()
            return answer.status, answer.headers.get("content-type", ""), answer.read()


def _png() -> bytes:
    made = io.BytesIO()
    Image.new("RGB", (64, 48), (200, 30, 30)).save(made, "PNG")
    return made.getvalue()


PICTURE = _png()


@pytest.fixture(scope="module")
def player(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Player]:
    with ExitStack() as stack:
        field = Field(tmp_path_factory.mktemp("recorded"), stack)
        field.start_studio()
        worker = field.enrolled_worker(settings="auto_start = false\nlocal_api_port = 0\n")
        job = field.operator.submit("synthetic-image", {"kind": "image", "prompt": "a fox"})
        field.operator.wait_job(job, "done")
        player = Player(worker, field.studio.url, job)
        eventually("its first heartbeat", player.has_beaten)
        yield player


def test_each_recorded_request_is_answered_as_the_original_did(player: Player) -> None:
    found = {
        f"{number} {known.request}: {complaint}"
        for number, known in enumerate(ALL)
        for complaint in player.complaints(known)
    }
    expected = {*BETTER, *OPEN}
    news, gone = sorted(found - expected), sorted(expected - found)
    assert not news, "answered otherwise than the original:\n" + "\n".join(news)
    assert not gone, "true no longer, to be taken out of the tables:\n" + "\n".join(gone)
