"""A plugin that somebody writes from the docs: outside this repository, installed with pip
into a fresh environment, checked, offered to a studio, and given a job."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.operator import Operator
from tests.support.processes import ProcessUnderTest

pytestmark = [pytest.mark.packaging, pytest.mark.timeout(900)]


class Newcomer:
    """Somebody with an empty directory and an environment with the worker in it."""

    def __init__(self, place: Path, python: Path) -> None:
        self.place = place
        self.python = python
        dropped = ("PYTHON", "STUDIO_WORKER_", "COV_", "PYTEST_")
        kept = {name: text for name, text in os.environ.items() if not name.startswith(dropped)}
        self.environ = {
            **kept,
            "XDG_CONFIG_HOME": str(place / "config"),
            "XDG_CACHE_HOME": str(place / "cache"),
        }

    def run(self, *arguments: str | Path, seconds: float = 300) -> str:
        """Run a program of the environment; its standard output."""
        done = subprocess.run(
            [self.python.with_name(str(arguments[0])), *arguments[1:]],
            env=self.environ,
            cwd=self.place,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
        assert done.returncode == 0, f"{arguments}\n{done.stdout}\n{done.stderr}"
        return done.stdout


@pytest.fixture(scope="module")
def newcomer(wheels: Path, root: Path, tmp_path_factory: pytest.TempPathFactory) -> Newcomer:
    """The worker and the studio are installed, the new project is written and installed."""
    place = tmp_path_factory.mktemp("newcomer")
    subprocess.run([sys.executable, "-m", "venv", place / "venv"], check=True, timeout=120)
    python = place / "venv" / ("Scripts" if os.name == "nt" else "bin") / "python"
    someone = Newcomer(place, python)
    pip = ("pip", "--disable-pip-version-check", "install", "--quiet")
    found = ("--constraint", root / "constraints.txt", "--find-links", wheels)
    someone.run(*pip, *found, "studio-worker[studio]", "hatchling", seconds=500)
    someone.run("studio-worker", "engines", "new", "hello")
    project = place / "studio-worker-hello"
    someone.run(*pip, *found, "--no-build-isolation", f"{project}[test]", seconds=300)
    return someone


def test_it_is_listed_as_ready(newcomer: Newcomer) -> None:
    engines = json.loads(newcomer.run("studio-worker", "engines", "list", "--json"))
    hello = next(engine for engine in engines if engine["engine"] == "hello")
    assert (hello["state"], hello["reason"]) == ("ready", None)
    assert (hello["distribution"], hello["version"]) == ("studio-worker-hello", "0.1.0")
    assert hello["models"] == {"image": ["hello"]}


def test_it_keeps_the_contract_by_command_and_by_pytest(newcomer: Newcomer) -> None:
    report = json.loads(newcomer.run("studio-worker", "engines", "check", "hello", "--json"))
    assert report["ok"], report
    assert report["failed"] == 0
    left_out = {
        each["check"]: each["detail"] for each in report["findings"] if each["outcome"] == "skipped"
    }
    assert left_out == {
        "emit": "not for tasks of kind image",
        "options": "it has no parameters of its own",
        "settings": "it has no settings of its own that the kit could make up",
        "chat": "not for tasks of kind image",
    }
    shown = newcomer.run("pytest", "-q", newcomer.place / "studio-worker-hello")
    assert f"{report['passed']} passed" in shown


def test_it_runs_a_job_without_a_studio(newcomer: Newcomer) -> None:
    newcomer.run("studio-worker", "engines", "run", "hello", "--prompt", "hi", "-o", "hi.png")
    assert (newcomer.place / "hi.png").read_bytes().startswith(b"\x89PNG")


@pytest.fixture
def serving(newcomer: Newcomer) -> Iterator[tuple[Operator, dict[str, Any]]]:
    """A studio and a worker of the fresh environment; the operator, and what the worker sent
    when it asked to register."""
    command = str(newcomer.python.with_name("studio-worker"))
    token = newcomer.place / "token"
    data = str(newcomer.place / "studio")
    with contextlib.ExitStack() as stack:
        studio = stack.enter_context(
            ProcessUnderTest(
                [
                    *(command, "studio", "serve", "--host", "127.0.0.1", "--port", "0"),
                    *("--data", data, "--operator-token-file", str(token)),
                ],
                env=newcomer.environ,
            )
        )
        url = studio.wait_line(r"listening on (http://[\d.]+:\d+/)").group(1)
        operator = Operator(url, token.read_text("utf-8").strip())
        config = newcomer.place / "worker" / "config.toml"
        config.parent.mkdir()
        config.write_text(f'api_base_url = "{url}"\n', "utf-8")
        stack.enter_context(
            ProcessUnderTest([command, "--config", str(config), "run"], env=newcomer.environ)
        )
        from tests.support.waiting import eventually

        (asked,) = eventually("a request", lambda: operator.listing("/workers/pending"))
        operator.approve_next()
        yield operator, asked["capabilities"]


def test_its_models_and_types_reach_the_studio_and_a_job_runs_on_it(
    serving: tuple[Operator, dict[str, Any]],
) -> None:
    operator, capabilities = serving
    assert "hello" in capabilities["supportedModelsPerKind"]["image"]
    assert "hello" in capabilities["supportedModels"]
    assert capabilities["extensions"]["png"] == "image/png"
    assert {"name": "hello", "version": "0.1.0", "kinds": ["image"]} in capabilities["engines"]
    operator.wait_worker("idle")
    task = {"kind": "image", "prompt": "hi", "width": 64, "height": 48, "ext": "png"}
    source = {"engine": "hello", "files": []}
    job = operator.wait_job(operator.submit("hello", task, modelSource=source))
    assert job["state"] == "done", job
    assert job["result"]["mime"] == "image/png"
    assert operator.result(job["jobId"]).startswith(b"\x89PNG")
