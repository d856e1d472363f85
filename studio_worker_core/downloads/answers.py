"""What a server's answer to a (ranged) GET means (RFC 9110 §14, §15)."""

from __future__ import annotations

import re
from collections.abc import Callable

from msgspec import Struct

from studio_worker_core.downloads.fetching import Response
from studio_worker_core.downloads.partial_file import PartState, strong_etag
from studio_worker_core.errors import SourceRefused

_CONTENT_RANGE = re.compile(r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18})", re.IGNORECASE)


class Body(Struct, frozen=True):
    """Bytes that are about to come, from offset ``start`` of a file of ``total`` bytes."""

    start: int
    total: int | None
    has_end: bool
    """Whether the answer marks its end, by a length or by its last chunk."""
    etag: str | None
    last_modified: str | None
    media_type: str
    """Lower case, without parameters; empty when the server does not say."""
    read: Callable[[int], bytes]
    """At most so many bytes, as soon as there are any; empty at the end."""


def body_of(response: Response, shown: str, offset: int, state: PartState) -> Body | None:
    """The body of a 200, 206 or 416 to a request for the bytes from ``offset`` on.

    None when it is no answer to that: the part has to go. A rest is only taken when the
    answer confirms the strong validator and the length that the part was begun under.

    Raises:
        SourceRefused: the bytes are compressed, though that was not asked for.
    """
    if response.status == 416:
        return None
    _check_codings(response, shown)
    length = response.length_remaining
    start, total = 0, length
    if response.status == 206:
        rest = _rest_of(response, offset, state)
        if rest is None:
            return None
        start, total = rest
    elif "Content-Range" in response.headers:
        return None
    return Body(
        start=start,
        total=total,
        has_end=length is not None or "chunked" in _listed(response, "Transfer-Encoding"),
        etag=response.headers.get("ETag"),
        last_modified=response.headers.get("Last-Modified"),
        media_type=response.headers.get("Content-Type", "").split(";")[0].strip().lower(),
        read=response.read1,
    )


def _rest_of(response: Response, offset: int, state: PartState) -> tuple[int, int] | None:
    """Start and total of a 206; None unless it goes on exactly where the part ends."""
    found = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", "").strip())
    if found is None or not offset:
        return None
    start, last, total = (int(number) for number in found.groups())
    etag = strong_etag(response.headers.get("ETag"))
    if start != offset or last < start or last != total - 1:
        return None
    if etag is None or etag != state.validator:
        return None
    changed = response.headers.get("Last-Modified")
    if changed is not None and state.last_modified not in (None, changed):
        return None
    if state.total not in (None, total) or response.length_remaining not in (None, total - start):
        return None
    return start, total


def _check_codings(response: Response, shown: str) -> None:
    codings = _listed(response, "Content-Encoding") + _listed(response, "Transfer-Encoding")
    for coding in codings:
        if coding not in ("", "identity", "chunked"):
            raise SourceRefused(
                f"{shown} is sent compressed ({coding[:40]}) unasked; a model file has to come "
                "as it is",
                what=shown,
            )


def _listed(response: Response, name: str) -> list[str]:
    return [value.strip().lower() for value in response.headers.get(name, "").split(",")]
