"""LoRAs in prompts: ``<lora:NAME:WEIGHT>`` may name the model's own files and nothing else.

The library opens whatever path such a tag holds, so tags are taken out of the studio's text
and written afresh.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Sequence
from pathlib import Path

from studio_worker_core.plugin import InvalidTask

_TAG = re.compile(r"<lora:([^:>]*):?([^>]*)>")
_MOST = 10.0


def lora_directory(loras: Sequence[Path]) -> Path | None:
    """Where the names in tags are looked up; None for a model without LoRAs."""
    return loras[0].parent if loras else None


def prompt_with_loras(prompt: str, loras: Sequence[Path]) -> str:
    """The prompt with one tag for each LoRA of the model, at weight 1 unless a tag in the
    prompt named it (by file name, with or without its ending) with another weight.

    Raises:
        InvalidTask: a tag names a file the model does not have, or a weight that is no
            number from -10 to 10.
    """
    weights = dict.fromkeys(loras, 1.0)
    by_name = {path.stem: path for path in loras} | {path.name: path for path in loras}
    for name, weight in _TAG.findall(prompt):
        path = by_name.get(name)
        if path is None:
            known = ", ".join(sorted(path.stem for path in loras)) or "none"
            raise InvalidTask(
                f"the prompt asks for the LoRA {name[:80]!r}, which is not a file of this "
                f"model; it has: {known}"
            )
        weights[path] = _weight(weight, name)
    tags = "".join(
        f"<lora:{_tag_name(path, loras)}:{weight:g}>" for path, weight in weights.items() if weight
    )
    # In front, where an unfinished tag of the prompt cannot swallow them.
    return tags + _without_tags(prompt)


def _without_tags(prompt: str) -> str:
    # Taking one tag out can leave another behind: <lora:<lora:a:1>b:1>.
    while (shorter := _TAG.sub("", prompt)) != prompt:
        prompt = shorter
    return prompt


def _tag_name(path: Path, loras: Sequence[Path]) -> str:
    # Relative, since a tag cannot hold the colon of a drive; plain names have none.
    return Path(os.path.relpath(path, loras[0].parent)).as_posix()


def _weight(text: str, name: str) -> float:
    try:
        weight = float(text) if text else 1.0
    except ValueError:
        weight = math.nan
    if not abs(weight) <= _MOST:
        raise InvalidTask(
            f"the weight {text[:20]!r} of the LoRA {name!r} is no number from -10 to 10"
        )
    return weight
