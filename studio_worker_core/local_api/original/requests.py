"""Bodies of ``/image``, ``/tts``, ``/stt`` and ``/video`` as the original's clients send them."""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta, Struct

from studio_worker_core.local_api.bodies import json_object
from studio_worker_core.local_api.errors import BadRequest, misfit

_ADDRESSES = ("init_image_url", "mask_url", "ref_image_url", "input_url", "image_url")
_Text = Annotated[str, Meta(min_length=1, max_length=200_000)]


class _Body(Struct, frozen=True, rename="camel", kw_only=True, omit_defaults=True):
    model: str | None = None
    options: dict[str, Any] | None = None
    """Parameters that only the engine has; ours."""


class ImageBody(_Body, frozen=True, kw_only=True):
    """``POST /image``. The pictures are ``data:`` URLs."""

    prompt: _Text
    negative_prompt: str | None = None
    width: int | None = None
    height: int | None = None
    steps: int | None = None
    seed: int | None = None
    ext: str | None = None
    init_image_url: str | None = None
    ref_image_url: str | None = None
    mask_url: str | None = None
    denoise: float | None = None


class SpeechBody(_Body, frozen=True, kw_only=True):
    """``POST /tts``."""

    text: _Text
    voice: str | None = None
    speed: float | None = None
    language: str | None = None
    ext: str | None = None


class TranscriptBody(_Body, frozen=True, kw_only=True):
    """``POST /stt``. Sound comes as a ``data:`` URL, or from a server of this machine."""

    input_url: _Text
    language: str | None = None


class VideoBody(_Body, frozen=True, kw_only=True):
    """``POST /video``."""

    prompt: _Text
    negative_prompt: str | None = None
    seconds: float | None = None
    width: int | None = None
    height: int | None = None
    ext: str | None = None


BodyT = TypeVar("BodyT", ImageBody, SpeechBody, TranscriptBody, VideoBody)


def read(kind: type[BodyT], body: bytes) -> BodyT:
    """The request in ``body``. Raises :class:`BadRequest`, naming the field."""
    given = {name: value for name, value in json_object(body).items() if value is not None}
    try:
        return msgspec.convert(given, kind)
    except msgspec.ValidationError as error:
        raise misfit(error) from None


def body_fields(body: ImageBody | SpeechBody | TranscriptBody | VideoBody) -> dict[str, Any]:
    """The task's parameters that the body gives, named as in Python.

    Raises:
        BadRequest: an address is not the data itself: a local request never makes the worker
            fetch one.
    """
    fields = {
        name: value
        for name in body.__struct_fields__
        if name != "model" and (value := getattr(body, name)) is not None
    }
    for name in _ADDRESSES:
        if not str(fields.get(name, "data:")).lower().startswith("data:"):
            shown = msgspec.structs.fields(type(body))
            wire = next(f.encode_name for f in shown if f.name == name)
            raise BadRequest(f"{wire}: send a data: URL; addresses are not fetched")
    return fields
