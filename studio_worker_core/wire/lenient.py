"""What a reader passes over: words of a vocabulary that grew on the other side (protocol §2)."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from studio_worker_core.wire.tasks import TaskKind

_KINDS = frozenset(kind.value for kind in TaskKind)
_PRESENCES = ("idle", "active")
_EXTENSION = re.compile("[A-Za-z0-9]{1,16}")
_MIME_TYPE = re.compile(".{3,100}", re.DOTALL)

_log = logging.getLogger("studio_worker.wire")


def without_unknown_words(message: Any) -> Any:
    """A decoded JSON message whose capabilities carry no kind, no presence and no file type that
    we cannot read. Capabilities may be the message itself or stand under ``capabilities``."""
    if not isinstance(message, dict):
        return message
    if "taskKinds" in message:
        return _known_words(message)
    inner = message.get("capabilities")
    if not isinstance(inner, dict):
        return message
    return {**message, "capabilities": _known_words(inner)}


def _known_words(capabilities: Mapping[str, Any]) -> dict[str, Any]:
    found = dict(capabilities)
    if found.get("userPresence") not in _PRESENCES:
        found.pop("userPresence", None)
    found["taskKinds"] = _kinds(found.get("taskKinds"))
    models = found.get("supportedModelsPerKind")
    if isinstance(models, dict):
        found["supportedModelsPerKind"] = {k: v for k, v in models.items() if k in _KINDS}
    engines = found.get("engines")
    if isinstance(engines, list):
        found["engines"] = [
            {**engine, "kinds": _kinds(engine.get("kinds"))} if isinstance(engine, dict) else engine
            for engine in engines
        ]
    if "extensions" in found:
        found["extensions"] = _file_types(found["extensions"])
    return found


def _file_types(value: Any) -> dict[str, str]:
    declared = value.items() if isinstance(value, dict) else ()
    read: dict[str, str] = {}
    for ext, mime in declared:
        is_type = isinstance(mime, str) and _MIME_TYPE.fullmatch(mime)
        if is_type and _EXTENSION.fullmatch(ext):
            read[ext] = mime
        else:
            _tell_once(repr(ext)[:80], repr(mime)[:80])
    return read


@lru_cache(maxsize=256)
def _tell_once(ext: str, mime: str) -> None:
    # Capabilities come with every heartbeat.
    _log.warning("the file type %s: %s that a worker declares is left out", ext, mime)


def _kinds(value: Any) -> Any:
    if not isinstance(value, list):
        return value
    return [kind for kind in value if isinstance(kind, str) and kind in _KINDS]
