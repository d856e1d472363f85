"""The true type of a file, told from its first bytes and never from its name."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from studio_worker_core.errors import InvalidTask
from studio_worker_core.host.disk import shown_bytes

__all__ = ["HEAD_BYTES", "audio_type", "check_image", "image_type"]

HEAD_BYTES = 64
"""Bytes from the start of a file that telling its type may need."""

_IMAGE_FORMATS = {"png": "PNG", "jpg": "JPEG", "webp": "WEBP", "gif": "GIF", "bmp": "BMP"}
_MP4_AUDIO_BRANDS = (b"M4A ", b"M4B ", b"mp4", b"isom", b"iso", b"dash", b"qt  ", b"MSNV")


def image_type(head: bytes) -> str | None:
    """``png``, ``jpg``, ``webp``, ``gif`` or ``bmp``; None for anything else."""
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if head.startswith(b"\xff\xd8\xff"):
        return "jpg"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    if head[:6] in (b"GIF87a", b"GIF89a"):
        return "gif"
    if head[:2] == b"BM" and len(head) >= 26 and head[6:10] == b"\0\0\0\0":
        return "bmp"
    return None


def audio_type(head: bytes) -> str | None:
    """``wav``, ``mp3``, ``ogg``, ``flac``, ``m4a`` or ``webm``; None for anything else."""
    if head[:4] in (b"RIFF", b"RF64") and head[8:12] == b"WAVE":
        return "wav"
    if head.startswith(b"OggS"):
        return "ogg"
    if head.startswith(b"fLaC"):
        return "flac"
    if head.startswith(b"ID3") or _is_mp3_frame(head):
        return "mp3"
    if head[4:8] == b"ftyp" and head[8:12].startswith(_MP4_AUDIO_BRANDS):
        return "m4a"
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        return "webm"
    return None


def _is_mp3_frame(head: bytes) -> bool:
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return False
    version, layer = head[1] >> 3 & 3, head[1] >> 1 & 3
    bitrate, rate = head[2] >> 4, head[2] >> 2 & 3
    return version != 1 and layer == 1 and 0 < bitrate < 15 and rate != 3


def check_image(path: Path, kind: str, what: str, max_megapixels: float) -> None:
    """Check that the header of ``path`` is a sound ``kind`` of a bearable size.

    The pixels are not decoded here, so a decompression bomb costs nothing.
    ``max_megapixels`` 0 means no limit; ``what`` names the input in errors.

    Raises:
        InvalidTask: the header is broken, or there are too many pixels.
    """
    # The plugin of the format is used directly: Image.open has a limit of its own, warned
    # about or raised depending on the size, that no setting of ours would move.
    Image.preinit()
    Image.init()
    factory, _ = Image.OPEN[_IMAGE_FORMATS[kind]]
    try:
        with path.open("rb") as file:
            if kind == "webp":  # its plugin makes room for the pixels at once
                _check_pixels(*_webp_size(file.read(HEAD_BYTES)), 1, what, max_megapixels)
                file.seek(0)
            picture = factory(file, str(path))
            width, height = picture.size
            _check_pixels(width, height, getattr(picture, "n_frames", 1), what, max_megapixels)
            if kind == "png":
                picture.verify()
    except (OSError, SyntaxError, ValueError, TypeError, EOFError, IndexError, KeyError) as error:
        size = shown_bytes(path.stat().st_size)
        raise InvalidTask(f"{what} is a broken {kind} image ({size}): {error}") from error


def _check_pixels(width: int, height: int, frames: int, what: str, most: float) -> None:
    pixels = width * height * max(1, frames)
    if most and pixels > most * 1_000_000:
        raise InvalidTask(
            f"{what} has {width}×{height} pixels, {pixels / 1e6:.0f} million in all; at most "
            f"{most:g} million are taken (raise max_megapixels under [inputs] in the config "
            "to allow more)"
        )


def _webp_size(head: bytes) -> tuple[int, int]:
    """Width and height of a WebP file (RFC 9649 §2.5–2.7)."""
    chunk = head[12:16]
    if chunk == b"VP8X":
        return int.from_bytes(head[24:27], "little") + 1, int.from_bytes(head[27:30], "little") + 1
    if chunk == b"VP8L":
        bits = int.from_bytes(head[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if chunk == b"VP8 ":
        width, height = head[26:28], head[28:30]
        return (
            int.from_bytes(width, "little") & 0x3FFF,
            int.from_bytes(height, "little") & 0x3FFF,
        )
    raise ValueError("unknown kind of WebP")
