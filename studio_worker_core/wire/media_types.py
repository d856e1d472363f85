"""File extensions and their MIME types: the one table of both sides (protocol §4)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

OCTET_STREAM = "application/octet-stream"

WELL_KNOWN: Mapping[str, str] = MappingProxyType(
    {
        "aac": "audio/aac",
        "apng": "image/apng",
        "avif": "image/avif",
        "bmp": "image/bmp",
        "flac": "audio/flac",
        "gif": "image/gif",
        "glb": "model/gltf-binary",
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
