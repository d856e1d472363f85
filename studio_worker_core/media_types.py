"""What a file really is, told from its first bytes and never from its name: the one table of
them, for the inputs of jobs and for their results.

The table of extensions and MIME types, which the studio shares, is
:mod:`studio_worker_core.wire.media_types`.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from studio_worker_core.wire.media_types import WELL_KNOWN

_ALIASES = {"jpg": "jpeg", "tif": "tiff"}
_RIFF = {b"WAVE": "wav", b"WEBP": "webp"}
_AVIF = frozenset({b"avif", b"avis"})
_M4A = (b"M4A ", b"M4B ")
_WITH_SOUND = (*_M4A, b"mp4", b"isom", b"iso", b"dash", b"qt  ", b"MSNV")
_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\xd8\xff", "jpeg"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"II*\x00", "tiff"),
    (b"MM\x00*", "tiff"),
    (b"fLaC", "flac"),
    (b"ID3", "mp3"),
    (b"glTF", "glb"),
)
HEAD_BYTES = 4096
"""Bytes from the start of a file that telling its type may need."""

_IMAGES = {
    "png": "png",
    "jpeg": "jpg",
    "webp": "webp",
    "gif": "gif",
    "bmp": "bmp",
    "avif": "avif",
    "tiff": "tiff",
}
_AUDIO = {
    "wav": "wav",
    "mp3": "mp3",
    "ogg": "ogg",
    "opus": "ogg",
    "flac": "flac",
    "webm": "webm",
    "mkv": "webm",
}


def sniff(path: Path) -> str | None:
    """The type that the first bytes of ``path`` speak of, as an extension; None when unknown.

    ``jpeg`` and ``tiff`` stand for both spellings, ``mp4`` for every ISO media file that is
    not AVIF, M4A or QuickTime, ``ogg`` for Ogg without Opus.
    """
    with path.open("rb") as file:
        return _type_of(file.read(HEAD_BYTES))


def image_type(head: bytes) -> str | None:
    """``png``, ``jpg``, ``webp``, ``gif``, ``bmp``, ``avif`` or ``tiff``; else None."""
    return _IMAGES.get(_type_of(head) or "")


def audio_type(head: bytes) -> str | None:
    """``wav``, ``mp3``, ``ogg``, ``flac``, ``m4a`` or ``webm``; None for anything else. What
    may hold sound beside pictures (``m4a`` and ``webm``) counts."""
    found = _type_of(head) or ""
    if found in ("m4a", "mp4", "mov") and head[8:12].startswith(_WITH_SOUND):
        return "m4a"
    return _AUDIO.get(found)


def _type_of(head: bytes) -> str | None:
    for magic, ext in _MAGIC:
        if head.startswith(magic):
            return ext
    if head.startswith(b"BM"):
        return "bmp" if len(head) >= 26 and head[6:10] == bytes(4) else None
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
    if _AVIF & {major, *compatible}:
        return "avif"
    if major in _M4A:
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
    sane = layer == 1 and version != 1 and bit_rate != 15 and sample_rate != 3
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


_MOST_JSON_BYTES = 16 * 1024 * 1024
"""More is not read: nobody sends it, and this runs in the worker's own process."""


def _is_json(path: Path) -> bool:
    if path.stat().st_size > _MOST_JSON_BYTES:
        return False
    try:
        msgspec.json.decode(path.read_bytes())
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return False
    return True
