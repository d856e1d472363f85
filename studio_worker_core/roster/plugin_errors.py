"""An exception of a plugin's code, told in a line and with the place it came from."""

from __future__ import annotations

import os
import re
import traceback
from collections.abc import Iterable
from pathlib import Path

import pluggy

from studio_worker_core.foreign_text import encodable, text_of

_HERE = Path(__file__).parent
_HOST_CODE = (
    *(str(_HERE / f"{name}.py") for name in ("asking", "describe", "observe", "plugin_errors")),
    str(Path(pluggy.__file__).parent),
    "<frozen",
)
_LIBRARY = str(Path(os.__file__).parent)
_PLACE = re.compile(r'File "([^"]+)", line (\d+)')


def describe_error(error: BaseException) -> str:
    """One line: the kind of error and its text, at most 500 characters."""
    text = " ".join(text_of(error, 2000).split())
    name = type(error).__name__
    return f"{name}: {text}"[:500] if text else name


def place_of_error(error: BaseException) -> str | None:
    """``file:line`` in the plugin's own code where ``error`` arose, if that can be told."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{encodable(str(error.filename))}:{error.lineno or 0}"
    frames = traceback.extract_tb(error.__traceback__)
    for frame in reversed(frames):
        if not frame.filename.startswith(_HOST_CODE):
            return f"{encodable(frame.filename)}:{frame.lineno}"
    return None


def place_in_dump(lines: Iterable[str]) -> str | None:
    """``file:line`` of the innermost plugin code in what :mod:`faulthandler` wrote."""
    places = [
        found.groups()
        for line in lines
        for found in _PLACE.finditer(line)
        if not found.group(1).startswith(_HOST_CODE)
    ]
    outside = [
        place
        for place in places
        if not place[0].startswith(_LIBRARY) or "site-packages" in place[0]
    ]
    chosen = (outside or places)[:1]
    return ":".join(chosen[0]) if chosen else None
