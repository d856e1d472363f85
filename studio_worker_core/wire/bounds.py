"""Size limits of the wire types: what a hostile peer can make us hold is bounded here."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

MAX_FRAME_BYTES = 16 * 1024 * 1024
"""Longest WebSocket text frame and JSON body either side reads, in bytes."""

MAX_JSON_FILE_BYTES = 64 * 1024 * 1024
"""Longest JSON answer that goes as a file (protocol §3.1), in bytes."""

MAX_INLINE_INPUT = 34_953_000
"""Most characters of an input written as a ``data:`` URL: 25 MiB in base64. A frame is shorter
still (:data:`MAX_FRAME_BYTES`)."""

MAX_SIDE = 16384
"""Largest image side on the wire in pixels; engines have lower limits of their own."""

MAX_LINE = 4096
"""Most characters of a short text: a reason, a progress message."""

MAX_NOTE = 65536
"""Most characters of a long text: an error, a log message."""

Identifier = Annotated[str, Meta(min_length=1, max_length=200)]
"""A job, worker or request id as the studio made it: opaque."""

Name = Annotated[str, Meta(max_length=512)]
Line = Annotated[str, Meta(max_length=MAX_LINE)]
Note = Annotated[str, Meta(max_length=MAX_NOTE)]
Prompt = Annotated[str, Meta(max_length=1_000_000)]
Url = Annotated[str, Meta(min_length=1, max_length=8192)]
Slug = Annotated[str, Meta(min_length=1, max_length=100)]
Extension = Annotated[str, Meta(min_length=1, max_length=16, pattern="^[A-Za-z0-9]+$")]
MimeType = Annotated[str, Meta(min_length=3, max_length=100)]
Sha256 = Annotated[str, Meta(pattern="^[0-9a-fA-F]{64}$")]
Side = Annotated[int, Meta(ge=1, le=MAX_SIDE)]
Gigabytes = Annotated[float, Meta(ge=0, le=1_000_000)]
Seconds = Annotated[float, Meta(gt=0, le=86_400)]
Fraction = Annotated[float, Meta(ge=0, le=1)]
