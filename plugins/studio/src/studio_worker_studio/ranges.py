"""The ``Range`` header of a request for a file (RFC 9110, 14.2)."""

from __future__ import annotations

import re

from studio_worker_studio.errors import ApiError

_MAX_RANGES = 16
_PART = re.compile(r"[ \t]*(?:(\d+)[ \t]*-[ \t]*(\d*)|-[ \t]*(\d+))[ \t]*", re.ASCII)


Span = tuple[int, int]
"""Where the bytes of a part begin, and where they end: the place of the first one behind."""


def wanted_ranges(header: str, size: int) -> list[Span] | None:
    """The parts of a file of ``size`` bytes that ``header`` asks for, in order, those that meet
    as one; None when the whole file is to be sent: another unit, no range at all, or more ranges
    than are served.

    Raises:
        ApiError: 416, none of the ranges is in the file.
    """
    unit, equals, text = header.partition("=")
    if not equals or unit.strip().lower() != "bytes":
        return None
    parts = text.split(",")
    if len(parts) > _MAX_RANGES:
        return None
    found = [match.groups() for part in parts if (match := _PART.fullmatch(part))]
    if len(found) < len(parts) or any(_backwards(first, last) for first, last, _ in found):
        return None
    bounds = [_bounds(first, last, suffix, size) for first, last, suffix in found]
    within = sorted((first, last + 1) for first, last in bounds if first <= last)
    if not within:
        raise ApiError(
            416,
            "range_not_satisfiable",
            f"the file has {size} bytes",
            headers={"Content-Range": f"bytes */{size}"},
        )
    return _merged(within)


def _merged(spans: list[Span]) -> list[Span]:
    merged = spans[:1]
    for start, end in spans[1:]:
        if start > merged[-1][1]:
            merged.append((start, end))
        else:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
    return merged


def _bounds(first: str | None, last: str | None, suffix: str | None, size: int) -> tuple[int, int]:
    if suffix is not None:
        return size - min(_number(suffix, size), size), size - 1
    end = _number(last, size) if last else size
    return _number(first or "", size), min(end, size - 1)


def _backwards(first: str | None, last: str | None) -> bool:
    """Such a range is no range: the header is ignored."""
    if not first or not last:
        return False
    first, last = first.lstrip("0"), last.lstrip("0")
    return (len(last), last) < (len(first), first)


def _number(digits: str, size: int) -> int:
    """The number, or something beyond the file when it has more digits than any file's size."""
    digits = digits.lstrip("0") or "0"
    return int(digits) if len(digits) <= len(str(size)) else size
