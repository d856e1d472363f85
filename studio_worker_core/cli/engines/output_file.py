"""Putting a result where it was asked for: whole or not at all."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

__all__ = ["put_file", "put_text"]


def put_file(result: Path, target: Path) -> None:
    """Copy ``result`` to ``target``: whoever looks sees the old file or the new one, never a
    part. Raises :class:`OSError`."""
    draft = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with result.open("rb") as source, draft.open("wb") as file:
            shutil.copyfileobj(source, file, 1 << 20)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)


def put_text(text: str, target: Path) -> None:
    """As :func:`put_file`, for a text."""
    draft = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with draft.open("w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)
