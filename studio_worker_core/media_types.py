"""File extensions: their MIME types, and whether a file really is what its name says."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import msgspec

__all__ = ["OCTET_STREAM", "WELL_KNOWN", "mime_for", "reason_against", "sniff"]

OCTET_STREAM = "application/octet-stream"

WELL_KNOWN: Mapping[str, str] = MappingProxyType(
    {
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


_ALIASES = {"jpg": "jpeg", "tif": "tiff"}
_RIFF = {b"WAVE": "wav", b"WEBP": "webp"}
_FTYP_AVIF = frozenset({b"avif", b"avis"})
_FTYP_AUDIO = frozenset({b"M4A ", b"M4B "})
_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\xd8\xff", "jpeg"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"BM", "bmp"),
    (b"II*\x00", "tiff"),
    (b"MM\x00*", "tiff"),
    (b"fLaC", "flac"),
    (b"ID3", "mp3"),
)
_HEAD = 4096


def sniff(path: Path) -> str | None:
    """The type that the first bytes of ``path`` speak of, as an extension; None when unknown.

    ``jpeg`` and ``tiff`` stand for both spellings, ``mp4`` for every ISO media file that is
    not AVIF, M4A or QuickTime, ``ogg`` for Ogg without Opus.
    """
    with path.open("rb") as file:
        return _sniff(file.read(_HEAD))


def _sniff(head: bytes) -> str | None:
    for magic, ext in _MAGIC:
        if head.startswith(magic):
            return ext
    if head.startswith((b"RIFF", b"RF64")):
        return _RIFF.get(head[8:12])
    if head[4:8] == b"ftyp":
        return _iso_brand(head)
    if head[4:8] in (b"moov", b"mdat", b"wide", b"free", b"skip"):
        return "mov"
    if head.startswith(b"OggS"):
        return "opus" if b"OpusHead" in head[:512] else "ogg"
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        return "webm" if b"webm" in head[:256] else "mkv"
    return _mpeg_audio(head)


def _iso_brand(head: bytes) -> str:
    size = min(int.from_bytes(head[:4]), len(head))
    major = head[8:12]
    compatible = {head[at : at + 4] for at in range(16, size - 3, 4)}
    if major in _FTYP_AVIF or (major in (b"mif1", b"msf1") and compatible & _FTYP_AVIF):
        return "avif"
    if major in _FTYP_AUDIO:
        return "m4a"
    return "mov" if major == b"qt  " else "mp4"


def _mpeg_audio(head: bytes) -> str | None:
    """MPEG audio frames carry no name: a sync word and header fields that are not reserved."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return None
    if head[1] & 0xF6 == 0xF0:
        return "aac"
    layer, version = head[1] >> 1 & 3, head[1] >> 3 & 3
    bit_rate, sample_rate = head[2] >> 4, head[2] >> 2 & 3
    sane = layer != 0 and version != 1 and bit_rate != 15 and sample_rate != 3
    return "mp3" if sane else None


def reason_against(path: Path, ext: str) -> str | None:
    """Why ``path`` is not a usable file of type ``ext``; None when it is.

    An extension that is not well known (an engine declared it) is taken at its word when
    there are any bytes.
    """
    wanted = ext.lower()
    if not path.is_file():
        return f"{path.name} does not exist or is no plain file"
    if path.stat().st_size == 0:
        return f"{path.name} is empty"
    if wanted not in WELL_KNOWN:
        return None
    if wanted == "json":
        return None if _is_json(path) else f"{path.name} is not valid JSON"
    found = sniff(path)
    family = _ALIASES.get(wanted, wanted)
    if found == family or (found, family) in _ALSO:
        return None
    return f"{path.name} is said to be {wanted}, its bytes are {found or 'of no known type'}"


_ALSO = frozenset(
    {
        ("opus", "ogg"),  # Opus in Ogg is an Ogg file
        ("png", "apng"),
        ("mp4", "m4a"),  # some writers give an audio-only file the general brand
    }
)


def _is_json(path: Path) -> bool:
    try:
        msgspec.json.decode(path.read_bytes())
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return False
    return True
