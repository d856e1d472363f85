"""Outboxes on a real disk, and jobs to fill them with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from studio_worker_core.config import OutboxLimits
from studio_worker_core.outbox import Entry, Outbox
from studio_worker_core.wire.frames import Claim
from studio_worker_core.wire.models import ModelSource
from studio_worker_core.wire.tasks import ChatMessage, ImageTask, LlmTask
from tests.support.faulty_disk import FaultyDisk

PNG = b"\x89PNG\r\n\x1a\n" + b"pixels" * 20

Reopen = Callable[[], tuple[Outbox, list[str]]]
"""Starts anew on the same directory, as after a crash; what recovery did."""


class Jobs:
    """Makes claims and takes them through an outbox."""

    png = PNG

    def image_claim(self, job_id: str = "job-1", prompt: str = "a castle") -> Claim:
        return Claim(
            job_id=job_id,
            model="synthetic",
            task=ImageTask(prompt=prompt, ext="png"),
            model_source=ModelSource(engine="synthetic"),
        )

    def chat_claim(self, job_id: str = "chat-1") -> Claim:
        return Claim(
            job_id=job_id,
            model="synthetic-chat",
            task=LlmTask(messages=[ChatMessage(role="user", content="hello")]),
            model_source=ModelSource(engine="synthetic"),
        )

    def finished_image(
        self,
        outbox: Outbox,
        job_id: str = "job-1",
        data: bytes = PNG,
        session: int | None = 1,
        prompt: str = "a castle",
    ) -> Entry:
        draft = outbox.begin(self.image_claim(job_id, prompt), "worker-1", session)
        (draft.directory / "result.png").write_bytes(data)
        return outbox.finish(draft, draft.directory / "result.png")

    def finished_chat(
        self, outbox: Outbox, job_id: str = "chat-1", session: int | None = 1
    ) -> Entry:
        draft = outbox.begin(self.chat_claim(job_id), "worker-1", session)
        path = draft.directory / "result.json"
        path.write_bytes(b'{"answer":"hi","pi":3.25}')
        return outbox.finish(draft, path)


@pytest.fixture
def jobs() -> Jobs:
    return Jobs()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "outbox"


@pytest.fixture
def outbox(root: Path) -> Outbox:
    box = Outbox(root, OutboxLimits)
    assert box.recover() == []
    return box


@pytest.fixture
def disk() -> FaultyDisk:
    return FaultyDisk()


@pytest.fixture
def reopened(root: Path) -> Reopen:
    """Start anew on the same directory, as after a crash; what recovery did."""

    def reopen() -> tuple[Outbox, list[str]]:
        box = Outbox(root, OutboxLimits)
        return box, box.recover()

    return reopen
