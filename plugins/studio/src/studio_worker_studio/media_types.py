"""MIME types of results, and how a browser may treat them. A worker chose them: nothing it says
may make a result unfetchable, or run in a browser as if it were ours."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote

from studio_worker_core.wire.media_types import OCTET_STREAM, WELL_KNOWN

_MIME = re.compile(r"[a-z0-9][a-z0-9_.+-]{0,60}/[a-z0-9][a-z0-9_.+-]{0,60}")
_SHOWN = ("image/", "audio/", "video/")
# Decoded, never run. SVG is not in the table.
_INLINE = frozenset(mime for mime in WELL_KNOWN.values() if mime.startswith(_SHOWN)) | {
    "audio/x-wav"
}


def plain_mime(text: str) -> str | None:
    """``text`` as a MIME type without parameters, lower case; None when it is none, or says no
    more than that these are bytes."""
    plain = text.partition(";")[0].strip(" \t").lower()
    return plain if _MIME.fullmatch(plain) and plain != OCTET_STREAM else None


def mime_of_ext(ext: str, declared: Mapping[str, str]) -> str:
    """The MIME type of an extension: as the worker declared it, if that is one, or as known."""
    return plain_mime(declared.get(ext, "")) or WELL_KNOWN.get(ext, OCTET_STREAM)


def safe_inline(mime: str) -> bool:
    """Whether a browser only shows files of this type, and never runs them."""
    return mime in _INLINE


def content_disposition(mime: str, name: str) -> str:
    """The header: in place for what is only shown, a download for the rest. A name that is not
    plain ASCII has a fallback, and itself as ``filename*`` (RFC 6266)."""
    how = "inline" if safe_inline(mime) else "attachment"
    plain = re.sub(r"[^A-Za-z0-9 ._()+-]", "_", name)
    value = f'{how}; filename="{plain}"'
    if plain != name:
        encoded = quote(name.encode("utf-8", "replace"), safe="")
        value += f"; filename*=UTF-8''{encoded}"
    return value
