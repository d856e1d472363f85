"""A Coqui voice from an offer to a delivered file: real studio, real worker, real library."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import soundfile

from tests.downloads.file_server import Answer, FileServer, sha256
from tests.support.field import Field

pytestmark = pytest.mark.models


class Voice:
    """A voice on a loopback server, and the studio and worker it is offered through."""

    def __init__(self, field: Field, server: FileServer, files: dict[str, Path]) -> None:
        self.field = field
        self.server = server
        self.files = {role: path.read_bytes() for role, path in files.items()}
        self.names = {role: path.name for role, path in files.items()}

    def source(self, **changed: bytes) -> dict[str, Any]:
        files = []
        for role, data in {**self.files, **changed}.items():
            name = self.names[role]
            url = self.server.serve(f"/{len(self.server.files)}/{name}", data)
            files.append({"role": role, "url": url, "filename": name, "sha256": sha256(data)})
        return {"engine": "coqui", "files": files}

    def submit(self, model: str, source: dict[str, Any], **task: Any) -> str:
        task = {"kind": "audio_tts", "text": "Hello from the studio.", **task}
        return self.field.operator.submit(model, task, modelSource=source, maxAttempts=1)

    def ended(self, job_id: str) -> dict[str, Any]:
        return self.field.operator.wait_job(job_id, timeout=150)


@pytest.fixture(scope="module")
def voice(
    tmp_path_factory: pytest.TempPathFactory, two_speakers: dict[str, Path]
) -> Iterator[Voice]:
    server = FileServer()
    try:
        with ExitStack() as stack:
            field = Field(tmp_path_factory.mktemp("field"), stack)
            field.start_studio()
            field.connected_worker()
            yield Voice(field, server, two_speakers)
    finally:
        server.close()


def test_any_coqui_model_is_advertised(voice: Voice) -> None:
    capabilities = voice.field.operator.wait_worker("idle")["capabilities"]
    assert "coqui:*" in capabilities["supportedModelsPerKind"]["audio_tts"]


def test_a_voice_is_downloaded_loaded_once_and_heard(voice: Voice) -> None:
    source = voice.source()
    heard = {}
    for speaker, ext in (("alice", "wav"), ("bob", "wav"), ("bob", "mp3")):
        job_id = voice.submit("tiny-voice", source, voice=speaker, ext=ext)
        job = voice.ended(job_id)
        assert job["state"] == "done", job
        data = voice.field.operator.result(job_id)
        samples, rate = soundfile.read(io.BytesIO(data))
        assert rate == 16_000
        assert len(samples) > rate
        assert job["result"]["ext"] == ext
        heard[speaker, ext] = data
    assert heard["alice", "wav"] != heard["bob", "wav"]
    (worker,) = voice.field.workers
    assert len([line for line in worker.lines if "loaded tiny-voice" in line]) == 1
    fetched = [request.path for request in voice.server.requests]
    assert len(fetched) == len(set(fetched)) == len(voice.files)


def test_a_damaged_voice_fails_its_job_and_the_next_one_is_done(voice: Voice) -> None:
    damaged = voice.source(model=voice.files["model"][:5000])
    failed = voice.ended(voice.submit("damaged-voice", damaged))
    assert failed["state"] == "failed"
    assert "damaged" in failed["error"]
    whole = voice.ended(voice.submit("whole-voice", voice.source()))
    assert whole["state"] == "done", whole


def test_an_unknown_speaker_is_told_to_the_studio(voice: Voice) -> None:
    job = voice.ended(voice.submit("tiny-voice-2", voice.source(), voice="carol"))
    assert job["state"] == "failed"
    assert "alice, bob" in job["error"]


def test_a_pulled_voice_is_whole_in_spite_of_its_server(
    voice: Voice, tmp_path: Path, two_speakers: dict[str, Path]
) -> None:
    weights = voice.files["model"]
    url = voice.server.serve("/pulled/model.pth", weights, Answer(cut_after=500_000))
    config = voice.server.serve("/pulled/config.json", voice.files["config"])
    (tmp_path / "models").mkdir()  # found beside the config, so that no file goes to the home
    argv = [sys.executable, "-m", "studio_worker_core.cli.main"]
    argv += ["--config", str(tmp_path / "config.toml"), "models"]
    for words in (
        [
            *("add", "pulled", "--engine", "coqui", "--kind", "audio_tts"),
            *("--file", f"model={url}#sha256={sha256(weights)}", "--file", f"config={config}"),
        ],
        ["pull", "pulled"],
    ):
        subprocess.run([*argv, *words], check=True, capture_output=True, timeout=60)
    (path,) = (tmp_path / "models").rglob("model.pth")
    assert path.read_bytes() == weights
