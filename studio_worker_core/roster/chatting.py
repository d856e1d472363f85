"""What an engine does in chats beside answering in text, and what a task asks for."""

from __future__ import annotations

from studio_worker_core.roster.roster import RosterEntry
from studio_worker_core.wire.tasks import LlmTask, Task

_SEED = "seed"


def chat_abilities(entry: RosterEntry) -> frozenset[str]:
    """``tools`` and ``logprobs`` where the engine says so; ``seed`` where one of its own
    parameters is called that."""
    said = entry.spec.chat if entry.spec is not None else ()
    own = {option.name for option in entry.options} & {_SEED}
    return frozenset(said) | own


def chat_refusal(entry: RosterEntry, task: Task) -> str | None:
    """Why ``entry`` cannot do a chat as it is asked for; None when it can."""
    if not isinstance(task, LlmTask):
        return None
    able = chat_abilities(entry)
    if task.tools is not None and "tools" not in able:
        return "tools: it calls none"
    if task.top_logprobs is not None and "logprobs" not in able:
        return "topLogprobs: it gives none"
    return None
