"""The ``completeJson`` frame of a kept JSON result."""

from __future__ import annotations

import msgspec

from studio_worker_core.errors import OutboxError
from studio_worker_core.outbox import LONGEST_JSON, Entry
from studio_worker_core.wire.frames import CompleteJson

__all__ = ["complete_json"]

_LONGEST_PROMPT = 1_000_000


def complete_json(entry: Entry) -> CompleteJson:
    """The frame that delivers ``entry``. A prompt too long for the frame is left out, never
    cut (protocol §3).

    Raises:
        FileNotFoundError: the result has gone.
        OutboxError: its file is no JSON any more.
    """
    data = entry.path.read_bytes()
    try:
        value = msgspec.json.decode(data)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise OutboxError(f"{entry.path} is no JSON: {error}", path=entry.path) from error
    prompt: str | None = entry.manifest.prompt
    if prompt is not None and (
        len(prompt) > _LONGEST_PROMPT
        or len(data) + len(msgspec.json.encode(prompt)) + len(entry.job_id) > LONGEST_JSON
    ):
        prompt = None
    return CompleteJson(job_id=entry.job_id, result=value, prompt=prompt)
