"""What a job is shown as: its prompt, its result's kind and name, its facts."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Sequence
from typing import Any, Literal

import msgspec
from msgspec import Struct

from studio_worker_core.wire.tasks import TaskKind
from studio_worker_studio.media_types import plain_mime, safe_inline
from studio_worker_studio.store.records import JobRecord, JobState

Look = Literal["picture", "sound", "video", "text", "file", ""]

_MOST_SAID = 100_000
_MOST_SHOWN = 1 << 20
"""Bytes of an answer that is shown; a longer one is downloaded."""
_MOST_VALUE = 2_000
_MOST_SLUG = 48


class Fact(Struct, frozen=True):
    """One thing that is known about a job."""

    label: str
    text: str
    copies: bool = False


def task_of(job: JobRecord) -> dict[str, Any]:
    """The task as JSON has it; empty where a list has left it out."""
    found: dict[str, Any] = msgspec.json.decode(job.task or b"{}")
    return found


def said_of(job: JobRecord) -> str:
    """What was asked for, in the words of whoever asked."""
    task = task_of(job)
    for name in ("prompt", "text"):
        if isinstance(task.get(name), str):
            return str(task[name])[:_MOST_SAID]
    messages = task.get("messages")
    if isinstance(messages, list) and messages:
        return str(messages[-1].get("content", ""))[:_MOST_SAID]
    address = str(task.get("inputUrl") or task.get("imageUrl") or "")
    return "a picture" if address.startswith("data:") else address[:_MOST_VALUE]


def look_of(job: JobRecord) -> Look:
    """How the result is shown; empty when there is none."""
    if job.state is not JobState.DONE or job.result_removed_at is not None:
        return ""
    if job.file is None:
        return "text"
    mime = plain_mime(job.file.mime) or ""
    if not safe_inline(mime):
        return "file"
    looks: dict[str, Look] = {"image": "picture", "audio": "sound", "video": "video"}
    return looks.get(mime.partition("/")[0], "file")


def size_of(job: JobRecord) -> tuple[int, int]:
    """Width and height of a picture or video in pixels, as far as they are known."""
    task = task_of(job)
    sides = []
    for name in ("width", "height"):
        told = getattr(job.meta, name, None) or task.get(name)
        sides.append(told if isinstance(told, int) and 0 < told <= 16_384 else 512)
    return sides[0], sides[1]


def answer_of(job: JobRecord) -> tuple[str, str]:
    """The words of an answer in JSON, and all of it for reading; both empty when it is too
    long for a page."""
    if job.json is None or len(job.json) > _MOST_SHOWN:
        return "", ""
    answer = json.loads(job.json)
    words = ""
    if isinstance(answer, dict):
        words = next((str(answer[n]) for n in ("text", "content") if answer.get(n)), "")
    return words, json.dumps(answer, indent=2, ensure_ascii=False)


def shown_task(job: JobRecord) -> str:
    """The task for reading; what is very long in it is cut."""
    return json.dumps(_cut(task_of(job)), indent=2, ensure_ascii=False)


def _cut(value: Any) -> Any:
    match value:
        case dict():
            return {name: _cut(each) for name, each in value.items()}
        case list():
            return [_cut(each) for each in value]
        case str() if len(value) > _MOST_VALUE or value.startswith("data:"):
            return f"{value[:80]}… ({len(value)} characters)"
    return value


def file_name(job: JobRecord) -> str:
    """A name for a download that tells what it is: ``a-red-fox_42.webp``."""
    plain = unicodedata.normalize("NFKD", said_of(job)[:400]).encode("ascii", "ignore").decode()
    slug = re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")[:_MOST_SLUG].strip("-")
    seed = job.meta.seed if job.meta is not None else None
    last = str(seed) if seed is not None else job.job_id.removeprefix("job-")[:6]
    ext = job.file.ext if job.file is not None else "json"
    return f"{slug or job.kind.value}_{last}.{ext}"


def facts_of(job: JobRecord) -> Sequence[Fact]:
    """What is known, the more interesting first."""
    meta, facts = job.meta, []
    if meta is not None and meta.seed is not None:
        facts.append(Fact("Seed", str(meta.seed), copies=True))
    facts.append(Fact("Model", job.model, copies=True))
    version = meta.engine_version if meta is not None else None
    facts.append(Fact("Engine", f"{job.engine} {version}" if version else job.engine))
    if job.kind in (TaskKind.IMAGE, TaskKind.VIDEO):
        width, height = size_of(job)
        facts.append(Fact("Size", f"{width} × {height} px"))
    if meta is not None and meta.steps is not None:
        facts.append(Fact("Steps", str(meta.steps)))
    facts.append(Fact("Attempts", f"{job.attempts} of {job.max_attempts} used up"))
    facts.append(Fact("Priority", str(job.priority)))
    if job.vram_gb:
        facts.append(Fact("Needs", f"{job.vram_gb:g} GB of graphics memory"))
    if job.game_id:
        facts.append(Fact("Game", job.game_id))
    if job.asset_name:
        facts.append(Fact("Asset", job.asset_name))
    facts.append(Fact("Job", job.job_id, copies=True))
    return facts
