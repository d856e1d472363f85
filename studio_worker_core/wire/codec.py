"""Bytes to structs and back, once, at the border.

``null`` and an absent key mean the same when reading (protocol, conventions). msgspec
reads a ``null`` only where the type allows it, so a body that fails as it stands is read
a second time with the nulls of struct keys and unknown words dropped; free-form values
keep theirs.
"""

from __future__ import annotations

import json
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from studio_worker_core.errors import BadFrame, WireError
from studio_worker_core.wire.bounds import MAX_FRAME_BYTES
from studio_worker_core.wire.frames import Offer, StudioFrame, WorkerFrame
from studio_worker_core.wire.glimpse import glimpse
from studio_worker_core.wire.lenient import without_unknown_words
from studio_worker_core.wire.offers import lenient_offer

T = TypeVar("T")

_FREE_FORM = frozenset(
    {"result", "jsonSchema", "chatTemplateKwargs", "reasoning", "json", "traits"}
)
_OFFER = '"offer"'
_encoder = msgspec.json.Encoder()
_decoders: dict[Any, msgspec.json.Decoder[Any]] = {}


def encode(message: Any) -> bytes:
    """JSON bytes of a wire struct; keys at their default are left out.

    Text that is no valid Unicode (an undecodable file name in an error message, say) is
    sent with ``?`` in its place: a frame must never be lost over a character.
    """
    try:
        return _encoder.encode(message)
    except UnicodeEncodeError:
        raw = msgspec.to_builtins(message)
        valid = _valid_text(raw)
        if isinstance(raw, dict) and "jobId" in raw:
            valid["jobId"] = raw["jobId"]  # an id is given back as it came, in escapes
        return json.dumps(valid, separators=(",", ":"), allow_nan=False).encode("ascii")


def encode_text(message: Any) -> str:
    """:func:`encode` as the text of a WebSocket frame."""
    return encode(message).decode("utf-8")


def decode(kind: type[T], data: bytes | str, *, what: str | None = None) -> T:
    """Read one message of type ``kind`` (a struct or a union of tagged structs).

    Raises:
        WireError: too long, no JSON, nested too deeply, or not of that shape. ``what``
            names the message in the error; the type's name by default.
    """
    name = what or str(getattr(kind, "__name__", "message"))
    if len(data) > MAX_FRAME_BYTES:
        raise WireError(name, f"longer than {MAX_FRAME_BYTES} bytes")
    decoder = _decoders.get(kind)
    if decoder is None:
        decoder = _decoders.setdefault(kind, msgspec.json.Decoder(kind))
    try:
        return decoder.decode(data)  # type: ignore[no-any-return]
    except msgspec.ValidationError as first:
        try:
            raw = without_unknown_words(_without_nulls(msgspec.json.decode(data)))
            return msgspec.convert(raw, kind)
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            raise WireError(name, str(first)) from None
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise WireError(name, str(error)) from None


class ReadFrame(Struct, frozen=True):
    """A frame of the studio, and a line for each parameter of an offer that is not read as it
    came (:mod:`.offers`)."""

    frame: StudioFrame
    notes: tuple[str, ...] = ()


def read_studio_frame(text: str | bytes) -> ReadFrame:
    """Read a frame a studio sent, offers leniently. Raises :class:`BadFrame` and nothing else."""
    if isinstance(text, str) and _OFFER in text and len(text) <= MAX_FRAME_BYTES:
        try:
            offer = _lenient(text)
        except WireError as error:
            raise _bad_frame(text, error) from None
        if offer is not None:
            return offer
    return ReadFrame(_decode_frame(StudioFrame, text))  # type: ignore[arg-type]


def decode_worker_frame(text: str | bytes) -> WorkerFrame:
    """Read a frame a worker sent. Raises :class:`BadFrame` and nothing else."""
    return _decode_frame(WorkerFrame, text)  # type: ignore[arg-type]


def _decode_frame(kind: type[T], text: str | bytes) -> T:
    if isinstance(text, bytes):
        raise BadFrame("binary frames are not part of the protocol")
    try:
        return decode(kind, text, what="frame")
    except WireError as error:
        raise _bad_frame(text, error) from None


def _bad_frame(text: str, error: WireError) -> BadFrame:
    seen = glimpse(text)
    name = seen.frame_type[:100] if seen.frame_type is not None else None
    return BadFrame(error.reason, frame_type=name, job_id=seen.job_id)


def _lenient(text: str) -> ReadFrame | None:
    """The offer in ``text``; None where there is none that could be read any better so."""
    is_json = True
    try:
        raw = msgspec.json.decode(text)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        # What other readers take for JSON (NaN, 1e999) is read to name what is wrong with it.
        is_json = False
        try:
            raw = json.loads(text)
        except (ValueError, RecursionError):
            return None
    if not isinstance(raw, dict) or raw.get("type") != "offer":
        return None
    claim = raw.get("claim")
    if not isinstance(claim, dict):
        return None
    try:
        read, notes = lenient_offer(_without_nulls(claim))
        if not is_json:
            return None
        return ReadFrame(msgspec.convert({"type": "offer", "claim": read}, Offer), notes)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise WireError("frame", str(error)) from None


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: (item if key in _FREE_FORM else _without_nulls(item))
            for key, item in value.items()
            if item is not None or key in _FREE_FORM
        }
    if isinstance(value, list):
        return [_without_nulls(item) for item in value]
    return value


def _valid_text(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, dict):
        return {_valid_text(key): _valid_text(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_valid_text(item) for item in value]
    return value
