"""The local API of a real worker: with a studio, without one, and after its end."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import openai
import pytest
import requests

from studio_worker_core.local_api.discovery import NAME
from tests.support.processes import StudioProcess, WorkerProcess
from tests.support.waiting import eventually

QUIET_PORT = "local_api_port = 0\n"


class LocalWorker(WorkerProcess):
    """``studio-worker serve``."""

    def __init__(self, directory: Path, settings: str = QUIET_PORT) -> None:
        super().__init__(directory, "http://127.0.0.1:9/", settings=settings)
        self.argv[-1] = "serve"


@pytest.fixture
def local(tmp_path: Path) -> Iterator[LocalWorker]:
    with LocalWorker(tmp_path / "worker") as worker:
        yield worker


def command(worker: WorkerProcess, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*worker.argv[:-1], *arguments],
        env=worker.env,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def announced(worker: WorkerProcess) -> dict[str, str]:
    def found() -> dict[str, str] | None:
        done = command(worker, "api", "--json")
        return json.loads(done.stdout) if done.returncode == 0 else None

    with worker.explained():
        there = eventually("its local API is announced", found)
    assert there is not None
    return there


def client_of(worker: WorkerProcess) -> openai.OpenAI:
    api = announced(worker)
    return openai.OpenAI(
        base_url=api["openaiBaseUrl"], api_key=api["token"], max_retries=0, timeout=120
    )


def test_a_worker_without_a_studio_serves_this_machine(local: LocalWorker) -> None:
    with client_of(local) as client:
        said = client.audio.speech.create(model="espeak-ng", voice="alloy", input="hi")
        assert said.content
        picture = client.images.generate(prompt="a", model="procedural", size="64x64")
        assert picture.data
    api = announced(local)
    shown = command(local, "api")
    assert api["url"] in shown.stdout
    assert api["token"] not in shown.stdout + shown.stderr + local.output
    assert api["token"] in command(local, "api", "--curl").stdout
    health = requests.get(f"{api['url']}/healthz", timeout=60).json()
    assert (health["ok"], health["busy"]) == (True, False)
    file = local.config.parent / NAME
    assert file.stat().st_mode & 0o077 == 0
    assert local.stop() == 0
    assert not file.exists()
    assert "registration" not in local.output, "no studio is spoken to"
    gone = command(local, "api")
    assert gone.returncode != 0
    assert "no worker runs" in gone.stderr


def test_the_token_lasts_and_the_file_of_a_killed_worker_is_written_anew(
    local: LocalWorker,
) -> None:
    before = announced(local)
    local.kill()
    assert (local.config.parent / NAME).exists()
    assert command(local, "api").returncode != 0, "its worker is gone"
    local.start()
    after = announced(local)
    assert after["token"] == before["token"]
    assert requests.get(f"{after['url']}/healthz", timeout=60).ok


def test_a_worker_that_waits_for_its_studio_serves_this_machine_meanwhile(tmp_path: Path) -> None:
    studio = "http://127.0.0.1:9/"
    with WorkerProcess(tmp_path / "worker", studio, settings=QUIET_PORT) as worker:
        with client_of(worker) as client:
            assert client.images.generate(prompt="a", model="procedural", size="64x64").data
        assert worker.stop() == 0


def test_jobs_of_the_studio_and_of_this_machine_take_turns(tmp_path: Path) -> None:
    with StudioProcess(tmp_path / "studio") as studio:
        worker = WorkerProcess(tmp_path / "worker", studio.url, settings=QUIET_PORT)
        with worker, client_of(worker) as client:
            studio.operator.approve_next()
            studio.operator.wait_worker("idle")
            ids = [
                studio.operator.submit("synthetic", {"kind": "image", "prompt": f"p{n}"})
                for n in range(5)
            ]
            for n in range(5):
                made = client.images.generate(prompt=f"l{n}", model="procedural", size="64x64")
                assert made.data
            for each in ids:
                studio.operator.wait_job(each, "done")
            assert "local-" not in json.dumps([studio.operator.job(each) for each in ids]), (
                "no studio hears of a local job"
            )


def test_an_api_that_is_turned_off_is_not_there(tmp_path: Path) -> None:
    settings = "[api]\nenabled = false\n"
    with WorkerProcess(tmp_path / "worker", "http://127.0.0.1:9/", settings=settings) as worker:
        eventually("it runs", lambda: command(worker, "status").returncode == 0)
        worker.wait_line("registration goes on later")
        refused = command(worker, "api")
        assert refused.returncode != 0
        assert "api.enabled" in refused.stderr
        assert not (worker.config.parent / NAME).exists()


def test_the_port_of_the_environment_wins(tmp_path: Path) -> None:
    worker = LocalWorker(tmp_path / "worker", "local_api_port = 1\n")
    worker.env["STUDIO_WORKER_LOCAL_API_PORT"] = "0"
    with worker:
        assert not announced(worker)["url"].endswith(":1")


def test_a_worker_that_serves_this_machine_alone_names_no_studio(tmp_path: Path) -> None:
    directory = tmp_path / "worker"
    directory.mkdir()
    models = f'models_root = "{directory / "models"}"\n'
    (directory / "config.toml").write_text(models + QUIET_PORT, "utf-8")
    with LocalWorker(directory) as worker:
        announced(worker)
        assert worker.stop() == 0
        assert "built-in one" not in worker.output
