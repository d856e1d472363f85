"""Outboxes with results in them."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec import Struct

from studio_worker_core.config import OutboxLimits
from studio_worker_core.outbox import Entry, Outbox
from studio_worker_core.wire.frames import Claim
from studio_worker_core.wire.models import ModelSource
from studio_worker_core.wire.tasks import ChatMessage, ImageTask, LlmTask

SOURCE = ModelSource(engine="synthetic")


class FileResult(Struct, frozen=True):
    path: Path
    ext: str


class JsonResult(Struct, frozen=True):
    value: object


class Results:
    """Finishes jobs into an outbox."""

    def picture(
        self, outbox: Outbox, job_id: str = "job-1", size: int = 100, session: int | None = 1
    ) -> Entry:
        claim = Claim(
            job_id=job_id, model="m", task=ImageTask(prompt="p", ext="png"), model_source=SOURCE
        )
        draft = outbox.begin(claim, "worker-1", session)
        path = draft.directory / "result.png"
        path.write_bytes((b"\x89PNG\r\n\x1a\n" + job_id.encode()).ljust(size, b"\0"))
        return outbox.finish(draft, FileResult(path, "png"))

    def answer(
        self,
        outbox: Outbox,
        job_id: str = "chat-1",
        session: int | None = 1,
        value: object = None,
        prompt: str = "hello",
    ) -> Entry:
        claim = Claim(
            job_id=job_id,
            model="m",
            task=LlmTask(messages=[ChatMessage(role="user", content=prompt)]),
            model_source=SOURCE,
        )
        draft = outbox.begin(claim, "worker-1", session)
        return outbox.finish(draft, JsonResult({"answer": job_id} if value is None else value))


@pytest.fixture
def results() -> Results:
    return Results()


@pytest.fixture
def outbox(tmp_path: Path) -> Outbox:
    box = Outbox(tmp_path / "outbox", OutboxLimits)
    box.recover()
    return box
