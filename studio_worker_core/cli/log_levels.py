"""How much of what goes to the log: ``STUDIO_WORKER_LOG``, in the form of ``RUST_LOG``."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from msgspec import Struct

_LEVELS = {
    "trace": logging.DEBUG,
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "off": logging.CRITICAL + 1,
}
_ROOTS = ("studio_worker", "urllib3", "websockets")


class LogLevels(Struct, frozen=True):
    """``everything`` is the level where no target says otherwise (None: not said).

    ``ignored`` are the parts that nothing here goes by.
    """

    everything: int | None = None
    targets: Mapping[str, int] = {}
    ignored: tuple[str, ...] = ()


def levels_in(environ: Mapping[str, str]) -> tuple[str, LogLevels]:
    """The variable that counts and what it says; ``RUST_LOG`` where ours is absent."""
    for name in ("STUDIO_WORKER_LOG", "RUST_LOG"):
        if text := environ.get(name, "").strip():
            return name, levels_from(text)
    return "", LogLevels()


def levels_from(text: str) -> LogLevels:
    """Read ``LEVEL`` and ``target=LEVEL`` between commas; a target alone means all of it."""
    everything: int | None = None
    targets: dict[str, int] = {}
    ignored: list[str] = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        target, is_pair, word = (side.strip() for side in part.partition("="))
        level = _LEVELS.get((word if is_pair else target).lower())
        name = target.replace("::", ".").replace("-", "_")
        is_ours = name.partition(".")[0] in _ROOTS
        if level is not None and not is_pair:
            everything = level
        elif is_ours and (level is not None or not is_pair):
            targets[name] = logging.DEBUG if level is None else level
        else:
            ignored.append(part)
    return LogLevels(everything, targets, tuple(ignored))
