"""What can be used of a frame about a job that breaks a bound: a long error, a missing field,
an answer nested too deeply. No frame whose ``jobId`` can be made out goes unanswered
(protocol §3)."""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec
from msgspec import Struct

from studio_worker_core.errors import BadFrame
from studio_worker_core.wire.bounds import MAX_LINE, MAX_NOTE
from studio_worker_core.wire.codec import encode
from studio_worker_core.wire.frames import Accept, CompleteJson, Fail, Reject

_MAX_ID = 200
_MAX_PROMPT = 1_000_000
_KEY = r'"{}"\s*:\s*"((?:[^"\\]|\\.){{1,400}})"'
_TYPE = re.compile(_KEY.format("type"))
_JOB_ID = re.compile(_KEY.format("jobId"))


class UnusableAnswer(Struct, frozen=True):
    """A ``completeJson`` without a result that could be kept."""

    job_id: str
    reason: str


def salvaged(
    text: str, error: BadFrame
) -> Accept | Reject | Fail | CompleteJson | UnusableAnswer | None:
    """The frame as far as it can be read; None when it is about no job."""
    raw = _read(text)
    kind = _text(raw, "type") or error.frame_type or _found(_TYPE, text)
    job_id = _text(raw, "jobId") or error.job_id or _found(_JOB_ID, text)
    if not job_id or len(job_id) > _MAX_ID:
        return None
    match kind:
        case "accept":
            return Accept(job_id)
        case "reject":
            reason = _text(raw, "reason") or f"no reason could be read ({error.reason})"
            return Reject(job_id, reason[:MAX_LINE], _text(raw, "code"))
        case "fail":
            told = _text(raw, "error") or f"no error could be read ({error.reason})"
            retryable = raw.get("retryable")
            return Fail(
                job_id,
                told[:MAX_NOTE],
                retryable if isinstance(retryable, bool) else True,
                _text(raw, "code"),
            )
        case "completeJson":
            return _answer(job_id, raw, error)
    return None


def _answer(job_id: str, raw: dict[str, Any], error: BadFrame) -> CompleteJson | UnusableAnswer:
    if "result" not in raw:
        return UnusableAnswer(job_id, f"the answer cannot be used: {error.reason}")
    try:
        result = msgspec.Raw(encode(raw["result"]))
    except (msgspec.MsgspecError, ValueError, OverflowError, RecursionError) as cause:
        return UnusableAnswer(job_id, f"the answer cannot be kept: {cause}")
    prompt = _text(raw, "prompt")
    prompt = None if prompt is None else prompt[:_MAX_PROMPT]
    return CompleteJson(job_id, result, prompt, raw.get("meta"))


def _read(text: str) -> dict[str, Any]:
    try:
        raw = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return raw if isinstance(raw, dict) else {}


def _text(raw: dict[str, Any], key: str) -> str | None:
    value = raw.get(key)
    # Half a surrogate pair could neither be stored nor shown.
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else None


def _found(pattern: re.Pattern[str], text: str) -> str | None:
    match = pattern.search(text)
    if match is None:
        return None
    try:
        found = json.loads(f'"{match.group(1)}"')
    except ValueError:
        return None
    return str(found).encode("utf-8", "replace").decode()
