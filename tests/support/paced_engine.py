"""An engine that makes tokens at a pace, for benchmarks: the prompt says how many and how fast."""

from __future__ import annotations

import json
import threading
from typing import Any

from studio_worker_core.plugin import Engine, EngineSpec, Job, Output, TaskKind
from studio_worker_core.roster.roster import RosterEntry


class PacedEngine(Engine):
    """The last message is JSON: ``[TOKENS, SECONDS]``, the seconds that each token takes."""

    def generate(self, job: Job[Any]) -> Output:
        tokens, seconds = json.loads(job.task.messages[-1].content)
        never = threading.Event()
        for number in range(tokens):
            job.check_cancelled()
            never.wait(seconds)
            job.emit(text=f"t{number} ")
        text = "".join(f"t{number} " for number in range(tokens))
        message = {"role": "assistant", "content": text}
        usage = {"prompt_tokens": 1, "completion_tokens": tokens}
        return {"choices": [{"message": message, "finish_reason": "stop"}], "usage": usage}


def paced_entry() -> RosterEntry:
    """The roster entry of the engine ``paced`` with its model ``paced``."""
    models = {TaskKind.LLM: ("paced",)}
    factory = "tests.support.paced_engine:PacedEngine"
    return RosterEntry(
        engine="paced",
        distribution="paced-plugin",
        version="1",
        state="ready",
        kinds=(TaskKind.LLM,),
        models=models,
        spec=EngineSpec(name="paced", models=models, factory=factory),
    )
