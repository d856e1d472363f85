"""OpenAI's own client in JavaScript, unmodified, against every endpoint."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.local_api.served_here import TOKEN, ServedHere
from tests.local_api.test_openai_client import png, sound
from tests.support.left_out import leave_out

TOP = Path(__file__).parents[2]
INSTALLED = TOP / ".javascript"
SCRIPT = TOP / "tests" / "javascript" / "client.mjs"

PNG_HEAD = "\x89PNG"
EXPECTED: dict[str, Any] = {
    "picture": [PNG_HEAD, PNG_HEAD],
    "pictureByAddress": [200, PNG_HEAD],
    "pictureStream": ["image_generation.completed", PNG_HEAD],
    "edit": PNG_HEAD,
    "variation": PNG_HEAD,
    "speech": ["audio/wav", "RIFF"],
    "transcript": {
        "same": [True, True],
        "words": True,
        "srt": "1\n00:00:00,000 --> 0",
        "done": "transcript.text.done",
        "translated": True,
    },
    "chat": {"role": "assistant", "finish": "stop", "same": True, "usage": True},
    "chatHelper": True,
    "severalAnswers": [0, 1],
    "answerBySchema": True,
    "pictureInChat": True,
    "completion": True,
    "response": ["completed", "response.completed", True],
    "errors": [
        ["NotFoundError", 404, "model_not_found", "model"],
        ["BadRequestError", 400, "unsupported", "logprobs"],
        ["NotFoundError", 404, "model_not_found", None],
        ["BadRequestError", 400, None, "size"],
        ["AuthenticationError", 401, None, None],
    ],
    "leaving": "APIUserAbortError",
}


@pytest.fixture(scope="module")
def outcomes(here: ServedHere) -> dict[str, Any]:
    if shutil.which("node") is None or not (INSTALLED / "node_modules" / "openai").is_dir():
        leave_out(
            "OpenAI's client in JavaScript against the local API",
            "apt-get install -y nodejs npm && make javascript",
        )
    done = subprocess.run(
        ["node", str(SCRIPT)],
        env={
            **os.environ,
            "OPENAI_BASE_URL": f"{here.url}/v1",
            "OPENAI_API_KEY": TOKEN,
            "CLIENT_MODULES": str(INSTALLED),
            "CLIENT_PNG": base64.b64encode(png()).decode(),
            "CLIENT_WAV": base64.b64encode(sound()).decode(),
        },
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("name", EXPECTED)
def test_the_javascript_client_gets_what_it_expects(outcomes: dict[str, Any], name: str) -> None:
    assert outcomes[name] == {"found": EXPECTED[name]}


def test_the_javascript_client_fetches_every_model_that_it_lists(outcomes: dict[str, Any]) -> None:
    assert {"procedural", "gpt-image-1", "tts-1"} <= set(outcomes["models"].get("found", ())), (
        outcomes["models"]
    )


def test_every_check_of_the_script_is_looked_at(outcomes: dict[str, Any]) -> None:
    assert outcomes.keys() == {*EXPECTED, "models"}


def test_a_javascript_client_that_leaves_ends_its_job(
    outcomes: dict[str, Any], here: ServedHere
) -> None:
    assert outcomes["leaving"]
    assert here.slots.wait_idle(60)
