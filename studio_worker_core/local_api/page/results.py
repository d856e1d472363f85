"""What a finished job is shown as: the file's kind, its name for a download, its facts."""

from __future__ import annotations

import json
import re
import unicodedata
import wave
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import Struct

from studio_worker_core.local_api.page.creations import Creation
from studio_worker_core.local_api.page.forms import MESSAGE, shown
from studio_worker_core.local_api.page.words import humanised
from studio_worker_core.wire.tasks import TaskKind

Shape = Literal["picture", "sound", "video", "text", "file"]

_MOST_SLUG = 48
_BARS = 96
_MOST_SOUND = 64 << 20


class Fact(Struct, frozen=True):
    """One thing that is known about a result."""

    label: str
    text: str
    copies: bool = False


def shape_of(creation: Creation) -> Shape:
    """How the result is shown."""
    made = creation.made
    if made is None or made.path is None:
        return "text"
    kind = made.media_type
    if creation.kind is TaskKind.VIDEO and kind.startswith("video/"):
        return "video"
    if kind.startswith("image/"):
        return "picture"
    if kind.startswith("audio/"):
        return "sound"
    return "video" if kind.startswith("video/") else "file"


def text_of(creation: Creation) -> str:
    """The words of an answer in JSON; empty when it has none."""
    answer = creation.made.answer if creation.made is not None else None
    if isinstance(answer, dict):
        for name in ("text", "content"):
            if isinstance(answer.get(name), str):
                return str(answer[name])
    return creation.text


def json_of(creation: Creation) -> str:
    """An answer in JSON, for reading."""
    answer = creation.made.answer if creation.made is not None else None
    return "" if answer is None else json.dumps(answer, indent=2, ensure_ascii=False)


def said_of(creation: Creation) -> str:
    """What the person asked for, in their words."""
    values = creation.values
    return values.get("prompt") or values.get("text") or values.get(MESSAGE) or ""


def file_name(creation: Creation) -> str:
    """A name that tells what it is: ``a-red-fox_42.webp``."""
    said = said_of(creation)
    if not said and creation.inputs:
        said = Path(next(iter(creation.inputs.values())).name).stem
    plain = unicodedata.normalize("NFKD", said).encode("ascii", "ignore").decode()
    slug = re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")[:_MOST_SLUG].strip("-")
    made = creation.made
    ext = made.ext if made is not None and made.path is not None else "txt"
    seed = str(made.meta.get("seed", "")) if made is not None else ""
    last = seed if seed.isdecimal() else creation.id[:6]
    return f"{slug or creation.kind.value}_{last}.{ext}"


def facts_of(creation: Creation) -> Sequence[Fact]:
    """What is known, the more interesting first."""
    meta: dict[str, Any] = dict(creation.made.meta) if creation.made is not None else {}
    facts = []
    if "seed" in meta:
        facts.append(Fact("Seed", str(meta["seed"]), copies=True))
    facts.append(Fact("Model", creation.model.id, copies=True))
    engine = creation.model.source.engine
    version = meta.get("engineVersion") or meta.get("engine_version")
    facts.append(Fact("Engine", f"{engine} {version}" if version else engine))
    task = msgspec.structs.asdict(creation.task)
    if creation.kind in (TaskKind.IMAGE, TaskKind.VIDEO):
        width, height = meta.get("width", task["width"]), meta.get("height", task["height"])
        facts.append(Fact("Size", f"{width} × {height} px"))
    if "steps" in meta:
        facts.append(Fact("Steps", str(meta["steps"])))
    for name, value in (creation.task.options or {}).items():
        facts.append(Fact(humanised(name), shown(value)))
    if creation.made is not None and creation.made.job_id:
        facts.append(Fact("Job", creation.made.job_id, copies=True))
    return facts


def waveform(path: Path) -> str:
    """The loudness of a WAV file over its time, as the ``d`` of an SVG path in a box of 96 by
    24; empty for other files. Costs the length of the file, which is bounded."""
    try:
        if path.stat().st_size > _MOST_SOUND:
            return ""
        with wave.open(str(path), "rb") as sound:
            if sound.getsampwidth() != 2 or not sound.getnframes():
                return ""
            samples = memoryview(sound.readframes(sound.getnframes())).cast("h")
    except (OSError, EOFError, wave.Error, TypeError, ValueError):
        return ""
    step = max(len(samples) // _BARS, 1)
    loud = [
        max(map(abs, samples[at : at + step]))
        for at in range(0, step * _BARS, step)
        if at < len(samples)
    ]
    top = max(*loud, 1)
    return " ".join(
        f"M{x + 0.5} {12 - 11 * value / top:.1f}V{12.3 + 11 * value / top:.1f}"
        for x, value in enumerate(loud)
    )
