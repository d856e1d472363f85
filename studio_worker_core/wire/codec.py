"""Bytes to structs and back, once, at the border.

``null`` and an absent key mean the same when reading (protocol, conventions). msgspec
reads a ``null`` only where the type allows it, so a body that fails as it stands is read
a second time with the nulls of struct keys dropped; free-form values keep theirs.
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from studio_worker_core.errors import BadFrame, WireError
from studio_worker_core.wire.bounds import MAX_FRAME_BYTES
from studio_worker_core.wire.frames import StudioFrame, WorkerFrame

__all__ = ["decode", "decode_studio_frame", "decode_worker_frame", "encode", "encode_text"]

T = TypeVar("T")

_FREE_FORM = frozenset(
    {"result", "jsonSchema", "chatTemplateKwargs", "reasoning", "json", "traits"}
)
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
        return _encoder.encode(_valid_text(msgspec.to_builtins(message)))


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
            return msgspec.convert(_without_nulls(msgspec.json.decode(data)), kind)
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            raise WireError(name, str(first)) from None
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise WireError(name, str(error)) from None


def decode_studio_frame(text: str | bytes) -> StudioFrame:
    """Read a frame a studio sent. Raises :class:`BadFrame` and nothing else."""
    return _decode_frame(StudioFrame, text)  # type: ignore[arg-type]


def decode_worker_frame(text: str | bytes) -> WorkerFrame:
    """Read a frame a worker sent. Raises :class:`BadFrame` and nothing else."""
    return _decode_frame(WorkerFrame, text)  # type: ignore[arg-type]


def _decode_frame(kind: type[T], text: str | bytes) -> T:
    if isinstance(text, bytes):
        raise BadFrame("binary frames are not part of the protocol")
    try:
        return decode(kind, text, what="frame")
    except WireError as error:
        frame_type, job_id = _what_can_be_made_out(text)
        raise BadFrame(error.reason, frame_type=frame_type, job_id=job_id) from None


def _what_can_be_made_out(text: str) -> tuple[str | None, str | None]:
    try:
        raw = msgspec.json.decode(text)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None, None
    if not isinstance(raw, dict):
        return None, None
    frame_type = raw.get("type")
    claim = raw.get("claim")
    job_id = claim.get("jobId") if isinstance(claim, dict) else raw.get("jobId")
    return (
        frame_type[:100] if isinstance(frame_type, str) else None,
        job_id if isinstance(job_id, str) and 0 < len(job_id) <= 200 else None,
    )


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
