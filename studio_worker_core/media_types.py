"""File extensions: their MIME types, and whether a file really is what its name says."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

__all__ = ["OCTET_STREAM", "WELL_KNOWN", "mime_for", "reason_against", "sniff"]

OCTET_STREAM = "application/octet-stream"

WELL_KNOWN: Mapping[str, str] = MappingProxyType(
    {
        "avif": "image/avif",
        "bmp": "image/bmp",
        "flac": "audio/flac",
        "gif": "image/gif",
        "jpeg": "image/jpeg",
        "jpg": "image/jpeg",
        "json": "application/json",
        "m4a": "audio/mp4",
        "mkv": "video/x-matroska",
        "mov": "video/quicktime",
        "mp3": "audio/mpeg",
        "mp4": "video/mp4",
        "ogg": "audio/ogg",
        "opus": "audio/ogg",
        "png": "image/png",
        "tif": "image/tiff",
        "tiff": "image/tiff",
        "wav": "audio/wav",
        "webm": "video/webm",
        "webp": "image/webp",
    }
)
"""Extension (lower case, no dot) → MIME type (protocol §4)."""


def mime_for(ext: str) -> str:
    """The MIME type of ``ext``, ``application/octet-stream`` when it is not well known."""
    return WELL_KNOWN.get(ext.lower(), OCTET_STREAM)


def sniff(path: Path) -> str | None:
    """The extension that the first bytes of ``path`` speak of, or None when unknown."""
    raise NotImplementedError


def reason_against(path: Path, ext: str) -> str | None:
    """Why ``path`` is not a usable file of type ``ext``; None when it is."""
    raise NotImplementedError
