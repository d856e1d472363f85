"""Products of others that speak to servers like OpenAI's, unmodified, against the local API."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.local_api.served_here import TOKEN, ServedHere
from tests.local_api.test_openai_client import png
from tests.support.left_out import leave_out

TOP = Path(__file__).parents[2]
PROGRAMS = TOP / ".foreign-clients" / "bin"
SCRIPT = TOP / "tests" / "foreign" / "structured.py"
FIRST_WORDS = "This is a synthetic answer to: "


@pytest.fixture(autouse=True)
def installed() -> None:
    if not (PROGRAMS / "llm").exists():
        leave_out("clients of others against the local API", "make foreign-clients")


class Llm:
    """The command ``llm``, told of the local API as its own pages say."""

    def __init__(self, here: ServedHere, directory: Path) -> None:
        (directory / "extra-openai-models.yaml").write_text(
            "- model_id: worker\n"
            "  model_name: synthetic-llm\n"
            f"  api_base: {here.url}/v1\n"
            "  api_key_name: worker\n"
            "  vision: true\n"
            "  supports_schema: true\n",
            "utf-8",
        )
        self._env = {**os.environ, "LLM_USER_PATH": str(directory)}
        self("keys", "set", "worker", "--value", TOKEN)

    def __call__(self, *arguments: str) -> str:
        done = subprocess.run(
            [PROGRAMS / "llm", *arguments],
            env=self._env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture
def llm(here: ServedHere, tmp_path: Path) -> Llm:
    return Llm(here, tmp_path)


@pytest.mark.parametrize("how", [[], ["--no-stream"]])
def test_llm_chats(llm: Llm, how: list[str]) -> None:
    said = llm("-m", "worker", *how, "-s", "be brief", "hello there")
    assert said.startswith(f"{FIRST_WORDS}hello there")


def test_llm_asks_for_an_answer_by_a_schema(llm: Llm) -> None:
    said = json.loads(llm("-m", "worker", "--schema", "name, age int", "a dog"))
    assert said.keys() == {"name", "age"}
    assert isinstance(said["age"], int)


def test_llm_shows_a_picture(llm: Llm, tmp_path: Path) -> None:
    picture = tmp_path / "a.png"
    picture.write_bytes(png())
    assert llm("-m", "worker", "-a", str(picture), "what is this").startswith(FIRST_WORDS)


def test_instructor_gets_its_objects_whole_and_in_parts(here: ServedHere) -> None:
    done = subprocess.run(
        [PROGRAMS / "python", SCRIPT],
        env={**os.environ, "OPENAI_BASE_URL": f"{here.url}/v1", "OPENAI_API_KEY": TOKEN},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    whole, parts = json.loads(done.stdout)
    assert whole == parts
    assert isinstance(whole["age"], int)
