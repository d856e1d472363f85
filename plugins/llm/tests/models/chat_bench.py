"""Chats with real models, in real lanes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from studio_worker_core.lanes.live import LiveOutput
from studio_worker_core.plugin import ChatMessage, LlmTask, Model
from studio_worker_core.roster.roster import RosterEntry
from studio_worker_llm.plugin import SPEC
from tests.support.lane_bench import LaneBench, answer_of

__all__ = ["Chat", "ChatBench"]


class Chat(Struct, frozen=True):
    """What a job answered."""

    answer: dict[str, Any]
    pieces: list[str]
    """What it emitted meanwhile."""

    @property
    def text(self) -> str:
        return str(self.answer["choices"][0]["message"]["content"])

    @property
    def finish(self) -> str:
        return str(self.answer["choices"][0]["finish_reason"])

    @property
    def given(self) -> int:
        """Tokens of the conversation."""
        return int(self.answer["usage"]["prompt_tokens"])

    @property
    def made(self) -> int:
        """Tokens of the answer."""
        return int(self.answer["usage"]["completion_tokens"])

    @property
    def cached(self) -> int:
        """Tokens of the conversation that did not have to be read again."""
        return int(self.answer["usage"]["prompt_tokens_details"]["cached_tokens"])


class ChatBench(LaneBench):
    """A lane bench whose jobs are chats with models from files."""

    def chat(
        self,
        model: Model,
        *turns: tuple[str, str],
        inputs: Mapping[str, Path] | None = None,
        on_piece: Callable[[str], None] = lambda _piece: None,
        **fields: Any,
    ) -> Chat:
        """Do one job; raises what the lanes raise."""
        task = LlmTask(messages=[ChatMessage(*turn) for turn in turns or (("user", "hi"),)])
        task = replace(task, **{"temperature": 0.0, "max_tokens": 64, **fields})
        request = self.request(task, model=model.name, entry=_ENTRY, inputs=inputs)
        pieces: list[str] = []

        def heard(piece: str) -> None:
            pieces.append(piece)
            on_piece(piece)

        result = self.do(replace(request, model=model), LiveOutput(text=heard))
        return Chat(answer_of(result), pieces)

    def pid_of(self, model: Model) -> int:
        """Process id of the lane that has a model loaded."""
        (pid,) = [lane.pid for lane in self.lanes.status() if lane.model == model.name]
        return pid

    def forget(self) -> None:
        """Start over with what was heard; the lanes stay."""
        self.progress.clear()
        self.logs.clear()
        self.cancel.clear()


_ENTRY = RosterEntry(
    engine=SPEC.name,
    distribution="studio-worker-llm",
    version="0",
    state="ready",
    kinds=SPEC.kinds,
    models={kind: tuple(names) for kind, names in SPEC.models.items()},
    spec=SPEC,
)
