"""The engine: one model kept loaded, one answer at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from studio_worker_core.plugin import (
    CliDefaults,
    Engine,
    InvalidTask,
    Job,
    JobCancelled,
    LlmTask,
    Model,
)
from studio_worker_core.seeds import draw_seed
from studio_worker_llm.answering import Answer
from studio_worker_llm.bounds import load_settings
from studio_worker_llm.conversation import request_of
from studio_worker_llm.native import NativeModel
from studio_worker_llm.options import LlamaCppOptions
from studio_worker_llm.roles import files_of
from studio_worker_llm.seeing import pictures_of


class LlamaCppEngine(Engine):
    """Chats with the GGUF files that studios hand out (protocol §3)."""

    name = "llama-cpp"

    def __init__(self) -> None:
        self._native: NativeModel | None = None
        self._sees = False
        self._defaults = CliDefaults()

    def load(self, model: Model) -> None:
        """Load a model.

        Raises:
            InvalidTask: its files do not make a model that can chat, or a setting is wrong.
            EngineFailed: llama.cpp cannot read them, or there is too little memory.
        """
        files = files_of(model)
        settings = load_settings(model.defaults, files.trained_context, place=model.place)
        self._native = NativeModel(files, settings)
        self._sees = files.projector is not None
        self._defaults = model.defaults

    def generate(self, job: Job[LlmTask]) -> dict[str, Any]:
        """Answer a conversation, emitting the answer while it is made.

        Raises:
            InvalidTask: a parameter that cannot be served, a conversation longer than the
                context, or pictures for a model that reads none.
            EngineFailed: llama.cpp failed.
            JobCancelled: asked to stop; within a token.
        """
        if self._native is None:
            raise InvalidTask("no model is loaded")
        task = job.task
        options = job.options or LlamaCppOptions()
        seed = draw_seed() if options.seed is None else options.seed
        request = request_of(task, options, self._defaults, seed=seed, pictures=self._pictures(job))
        job.report(seed=seed)
        answer = Answer(job.model.name, task.max_tokens)

        def hear(event: Mapping[str, Any]) -> bool:
            if job.cancelled:
                return True
            if new := answer.take(event):
                job.emit(text=new)
            job.progress(answer.fraction)
            return False

        self._native.answer(request, hear)
        if job.cancelled:
            raise JobCancelled("cancelled")
        done = answer.whole(is_json=task.json_schema is not None and not task.stop)
        job.progress(1.0)
        return done

    def _pictures(self, job: Job[LlmTask]) -> Sequence[str]:
        if not job.task.images:
            return ()
        if not self._sees:
            raise InvalidTask(
                f"images: {job.model.name!r} reads no pictures; its source has no projector "
                "(a file of role text-encoder-vision)"
            )
        return pictures_of(job.inputs)
