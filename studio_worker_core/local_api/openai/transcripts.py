"""``/v1/audio/transcriptions`` and ``/translations``: a form into a task, transcripts into text,
subtitles or JSON."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from studio_worker_core.local_api.errors import BadRequest

FORMATS = ("json", "text", "srt", "verbose_json", "vtt")
_MEDIA_TYPES = {
    "text": "text/plain; charset=utf-8",
    "srt": "application/x-subrip; charset=utf-8",
    "vtt": "text/vtt; charset=utf-8",
}
_NO_LANGUAGE = ("", "auto", "detect", "auto-detect")
_CODE = re.compile(r"[a-z]{2,3}")
_NAMES = {
    "arabic": "ar",
    "chinese": "zh",
    "czech": "cs",
    "danish": "da",
    "dutch": "nl",
    "english": "en",
    "finnish": "fi",
    "french": "fr",
    "german": "de",
    "greek": "el",
    "hebrew": "he",
    "hindi": "hi",
    "hungarian": "hu",
    "indonesian": "id",
    "italian": "it",
    "japanese": "ja",
    "korean": "ko",
    "norwegian": "no",
    "polish": "pl",
    "portuguese": "pt",
    "romanian": "ro",
    "russian": "ru",
    "spanish": "es",
    "swedish": "sv",
    "thai": "th",
    "turkish": "tr",
    "ukrainian": "uk",
    "vietnamese": "vi",
}


class TranscriptionRequest(Struct, frozen=True):
    """The fields of the form beside the file."""

    model: str | None = None
    language: str | None = None
    prompt: str | None = None
    response_format: str = "json"
    temperature: Annotated[float, Meta(ge=0, le=1)] | None = None
    timestamp_granularities: list[str] | str | None = None
    stream: bool = False


class Segment(Struct, frozen=True):
    """A stretch of speech; times in seconds from the beginning."""

    start: float = 0.0
    end: float = 0.0
    text: str = ""


class Transcript(Struct, frozen=True):
    """What an engine answers, as far as it is used here."""

    text: str = ""
    language: str | None = None
    duration: float | None = None
    segments: list[Segment] = []


def transcript_fields(request: TranscriptionRequest, *, translate: bool) -> dict[str, Any]:
    """The task's parameters that the request gives, named as in Python."""
    if request.response_format not in FORMATS:
        raise BadRequest(
            f"response_format must be one of {', '.join(FORMATS)}", param="response_format"
        )
    fields: dict[str, Any] = {
        "language": None if translate else language_of(request.language),
        "translate": translate or None,
        "prompt": request.prompt or None,
        "timestamps": _timestamps(request),
    }
    return {name: value for name, value in fields.items() if value is not None}


def language_of(given: str | None) -> str | None:
    """The code of a language given as code, name or region (``en-GB``); None to detect it.

    Raises:
        BadRequest: it is none.
    """
    word = (given or "").strip().lower().replace("_", "-")
    if word in _NO_LANGUAGE:
        return None
    if word in _NAMES:
        return _NAMES[word]
    code = word.partition("-")[0]
    if _CODE.fullmatch(code):
        return code
    raise BadRequest(
        f"language {str(given)[:80]!r} is no language code like 'en'", param="language"
    )


def rendered(transcript: Mapping[str, Any], how: str) -> tuple[bytes, str]:
    """The body of the answer and its media type."""
    if how == "verbose_json":
        return msgspec.json.encode(transcript), "application/json"
    # Engines of others may leave out or round what they please.
    known = msgspec.convert(transcript, Transcript, strict=False)
    if how == "json":
        return msgspec.json.encode({"text": known.text}), "application/json"
    if how == "text":
        return f"{known.text.strip()}\n".encode(), _MEDIA_TYPES[how]
    lines = _srt(known.segments) if how == "srt" else _vtt(known.segments)
    return "".join(lines).encode(), _MEDIA_TYPES[how]


def _timestamps(request: TranscriptionRequest) -> str | None:
    wanted = request.timestamp_granularities
    words = [wanted] if isinstance(wanted, str) else wanted or []
    unknown = [word for word in words if word not in ("segment", "word")]
    if unknown:
        raise BadRequest(
            "timestamp_granularities must be segment or word", param="timestamp_granularities"
        )
    if "word" in words:
        return "word"
    return "segment" if words or request.response_format in ("srt", "vtt", "verbose_json") else None


def _srt(segments: Sequence[Segment]) -> Iterator[str]:
    for number, each in enumerate(segments, 1):
        start, end = _clock(each.start, ","), _clock(each.end, ",")
        yield f"{number}\n{start} --> {end}\n{_one_line(each.text)}\n\n"


def _vtt(segments: Sequence[Segment]) -> Iterator[str]:
    yield "WEBVTT\n\n"
    for each in segments:
        # An arrow inside a cue would start another one.
        text = _one_line(each.text).replace("-->", "→").replace("&", "&amp;").replace("<", "&lt;")
        yield f"{_clock(each.start, '.')} --> {_clock(each.end, '.')}\n{text}\n\n"


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _clock(seconds: float, mark: str) -> str:
    thousandths = max(0, round(seconds * 1000))
    minutes, rest = divmod(thousandths, 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{rest // 1000:02}{mark}{rest % 1000:03}"
