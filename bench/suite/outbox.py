"""An outbox full of results that wait for their studio."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from bench.suite.studio import WORKER
from studio_worker_core.outbox.manifest import MANIFEST_NAME, Manifest
from studio_worker_core.outbox.ownership import DRAFT_MARKER
from studio_worker_core.wire.tasks import TaskKind

_RESULT = b"\x89PNG\r\n\x1a\n"


def fill(outbox: Path, count: int) -> None:
    """Put so many small results there, as a worker leaves them. Raises OSError."""
    manifest = Manifest(
        job="waiting",
        worker=WORKER,
        kind=TaskKind.IMAGE,
        model="synthetic-image",
        engine="synthetic",
        ext="png",
        mime="image/png",
        prompt="a fox",
        sha256=hashlib.sha256(_RESULT).hexdigest(),
        bytes=len(_RESULT),
        created=datetime.now(UTC),
    )
    for number in range(count):
        job_id = f"waiting-{number}"
        directory = outbox / "jobs" / job_id
        directory.mkdir(mode=0o700, parents=True)
        (directory / DRAFT_MARKER).touch()
        (directory / "result.png").write_bytes(_RESULT)
        told = msgspec.structs.replace(manifest, job=job_id)
        (directory / MANIFEST_NAME).write_bytes(msgspec.json.encode(told))
