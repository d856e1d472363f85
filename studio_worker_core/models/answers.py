"""What a server's answer to a (ranged) GET means (RFC 9110 §14, §15)."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from email.utils import mktime_tz, parsedate_tz

from msgspec import Struct

from studio_worker_core.errors import DownloadFailed, SourceRefused
from studio_worker_core.models.fetching import Response
from studio_worker_core.models.hub import TOKEN_VARIABLE
from studio_worker_core.models.partial_file import PartState
from studio_worker_core.models.transfers import Interrupted

__all__ = ["Body", "body_of", "refusal"]

_CONTENT_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)", re.IGNORECASE)
_UNSATISFIED = re.compile(r"bytes \*/(\d{1,18})", re.IGNORECASE)
_BUSY = frozenset({408, 425, 429})


class Body(Struct, frozen=True):
    """Bytes that are about to come, from offset ``start`` of a file of ``total`` bytes."""

    start: int
    total: int | None
    etag: str | None
    last_modified: str | None
    read: Callable[[int], bytes]
    """At most so many bytes, as soon as there are any; empty at the end."""


def body_of(response: Response, shown: str, offset: int, state: PartState) -> Body | None:
    """The body of ``response`` to a request for the bytes from ``offset`` on.

    None when it is no continuation of what is there: the part has to go.

    Raises:
        DownloadFailed: the status is an error; Interrupted when it may pass.
        SourceRefused: the bytes are compressed, though that was not asked for.
    """
    if response.status == 416 and offset:
        return _at_the_end(response, offset, state)
    if response.status not in (200, 206):
        raise refusal(response, shown)
    coding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if coding not in ("", "identity"):
        raise SourceRefused(f"{shown} is sent compressed ({coding}) unasked", what=shown)
    length = response.length_remaining
    start, total = 0, length
    if response.status == 206:
        found = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", "").strip())
        if found is None:
            return None
        start, last = int(found.group(1)), int(found.group(2))
        total = None if found.group(3) == "*" else int(found.group(3))
        fits = start == offset and last >= start and (total is None or last == total - 1)
        if not fits or (length is not None and length != last - start + 1):
            return None
        total = last + 1
        if state.total is not None and total != state.total:
            return None
    return Body(
        start=start,
        total=total,
        etag=response.headers.get("ETag"),
        last_modified=response.headers.get("Last-Modified"),
        read=response.read1,
    )


def _at_the_end(response: Response, offset: int, state: PartState) -> Body | None:
    found = _UNSATISFIED.fullmatch(response.headers.get("Content-Range", "").strip())
    if found is None or int(found.group(1)) != offset:
        return None
    return Body(offset, offset, state.etag, state.last_modified, lambda _amount: b"")


def refusal(response: Response, shown: str) -> DownloadFailed:
    """The error for a status that brings no bytes."""
    status = response.status
    if status in _BUSY or status >= 500:
        return Interrupted(
            f"{shown}: the server answered {status}",
            what=shown,
            retry_after=_retry_after(response.headers.get("Retry-After")),
        )
    if status in (401, 403):
        hint = f"access is restricted; if it is a gated model, set {TOKEN_VARIABLE}"
    elif status in (404, 410):
        hint = "there is no such file"
    else:
        hint = "it cannot be downloaded"
    return DownloadFailed(f"{shown}: the server answered {status}: {hint}", what=shown)


def _retry_after(value: str | None) -> float | None:
    if value is None:
        return None
    if value.strip().isdecimal():
        return float(value[:9])
    when = parsedate_tz(value)
    try:
        return None if when is None else max(0.0, mktime_tz(when) - time.time())
    except (ValueError, OverflowError):
        return None
