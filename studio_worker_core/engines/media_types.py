"""File extensions every peer agrees on, with their MIME types (protocol §4)."""

from __future__ import annotations

__all__ = ["UNKNOWN_MIME", "WELL_KNOWN"]

UNKNOWN_MIME = "application/octet-stream"

WELL_KNOWN: dict[str, str] = {
    "aac": "audio/aac",
    "apng": "image/apng",
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
    "tiff": "image/tiff",
    "wav": "audio/wav",
    "webm": "video/webm",
    "webp": "image/webp",
}
"""A plugin that declares one of these with another type is in a clash with the core."""
