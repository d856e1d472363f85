"""What happens in a soak: jobs and faults drawn from one seed. Pure."""

from __future__ import annotations

import base64
import io
import random
import wave
from typing import Any, Literal

from msgspec import Struct

from tests.soak.shelf import CHANGING_MODEL

Action = Literal[
    "submit",
    "kill worker",
    "stop worker",
    "kill engine",
    "kill studio",
    "reset",
    "stall",
    "server errors",
    "lost answer",
    "cancel",
    "harm result",
    "change model",
    "jump clock",
]

ACTIONS: dict[Action, int] = {
    "submit": 60,
    "kill worker": 3,
    "stop worker": 2,
    "kill engine": 6,
    "kill studio": 2,
    "reset": 5,
    "stall": 3,
    "server errors": 4,
    "lost answer": 4,
    "cancel": 6,
    "harm result": 8,
    "change model": 6,
    "jump clock": 4,
}
"""What can happen, and how often in relation to the rest."""

_KINDS = ("image", "video", "audio_tts", "llm", "audio_stt")

_GOOD = ("ok", "ok", "ok", "slow:0.5", "slow:2", "big:1", "big:5", "child")
_BAD = (
    *("crash:segv", "crash:kill", "crash:exit:3", "sysexit:2", "raise", "engine-failed"),
    *("invalid", "hang", "garbage", "closepipe", "fork", "logs", "empty"),
)
_BAD_PART = 0.25
_CHANGING_PART = 0.2


class JobPlan(Struct, frozen=True):
    """One job: what the studio is given."""

    prompt: str
    kind: str
    engine: str
    max_attempts: int
    registered: str = ""
    """The model of the studio's registry that it names; empty: it brings its own source."""

    def submission(self) -> dict[str, Any]:
        """The body of ``POST /jobs`` (protocol §6)."""
        if self.registered:
            return {
                "model": self.registered,
                "task": _task(self.kind, self.prompt),
                "maxAttempts": self.max_attempts,
            }
        return {
            "model": self.engine,
            "task": _task(self.kind, self.prompt),
            "modelSource": {"engine": self.engine, "files": []},
            "maxAttempts": self.max_attempts,
        }

    @property
    def least_bytes(self) -> int:
        """How large its result is at least."""
        is_file = self.kind in ("image", "video", "audio_tts")
        if self.engine == "fault" and is_file and self.prompt.startswith("big:"):
            return int(self.prompt.removeprefix("big:")) * 1024 * 1024
        return 1


def random_action(rng: random.Random) -> Action:
    """What happens next."""
    return rng.choices(list(ACTIONS), weights=list(ACTIONS.values()))[0]


def random_job(rng: random.Random) -> JobPlan:
    """A job of any kind that may well go wrong."""
    if rng.random() < _CHANGING_PART:
        return JobPlan("weights", "llm", "fault", rng.randint(3, 9), CHANGING_MODEL)
    engine = "synthetic" if rng.random() < 0.2 else "fault"
    bad = engine == "fault" and rng.random() < _BAD_PART
    return JobPlan(
        prompt=rng.choice(_BAD if bad else _GOOD),
        kind=rng.choice(_KINDS),
        engine=engine,
        max_attempts=rng.randint(1, 2) if bad else rng.randint(3, 9),
    )


def calm_job(rng: random.Random) -> JobPlan:
    """A job that goes well, for the steady state."""
    return JobPlan(
        prompt=rng.choice(("ok", "ok", "ok", "big:2")),
        kind=rng.choice(_KINDS),
        engine=rng.choice(("fault", "fault", "synthetic")),
        max_attempts=3,
    )


def _task(kind: str, prompt: str) -> dict[str, Any]:
    match kind:
        case "llm":
            return {"kind": kind, "messages": [{"role": "user", "content": prompt}]}
        case "audio_tts":
            return {"kind": kind, "text": prompt}
        case "audio_stt":
            return {"kind": kind, "inputUrl": _speech(), "prompt": prompt}
        case "video":
            size = {"width": 64, "height": 64, "seconds": 0.2}
            return {"kind": kind, "prompt": prompt, **size}
    return {"kind": kind, "prompt": prompt, "width": 64, "height": 64}


def _speech() -> str:
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(bytes(800))
    return "data:audio/wav;base64," + base64.b64encode(file.getvalue()).decode()
