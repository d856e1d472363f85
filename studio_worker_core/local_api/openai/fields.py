"""Reading what OpenAI's clients send: a JSON body or a form into a struct, with words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from studio_worker_core.local_api.errors import BadRequest
from studio_worker_core.wire.complaints import in_words, place_of

T = TypeVar("T", bound=msgspec.Struct)


def read_json(kind: type[T], body: bytes) -> T:
    """The request in ``body``. Raises :class:`BadRequest`, naming the field."""
    try:
        found: Any = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise BadRequest("the body is not JSON") from None
    if not isinstance(found, dict):
        raise BadRequest("the body is not a JSON object")
    return _converted(kind, found, strict=True)


def read_fields(kind: type[T], fields: Mapping[str, str | list[str]]) -> T:
    """The request in a form, whose values are all texts. Raises :class:`BadRequest`."""
    return _converted(
        kind, {name.removesuffix("[]"): v for name, v in fields.items()}, strict=False
    )


def _converted(kind: type[T], found: Mapping[str, Any], *, strict: bool) -> T:
    # Clients write null for what they leave to the server.
    given = {name: value for name, value in found.items() if value is not None}
    try:
        return msgspec.convert(given, kind, strict=strict)
    except msgspec.ValidationError as error:
        place, words = place_of(error), in_words(error)
        raise BadRequest(f"{place}: {words}" if place else words, param=place or None) from None
