"""Reading what OpenAI's clients send: a JSON body or a form into a struct, with words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from studio_worker_core.local_api.bodies import json_object
from studio_worker_core.local_api.errors import misfit

T = TypeVar("T", bound=msgspec.Struct)


def read_json(kind: type[T], body: bytes) -> T:
    """The request in ``body``. Raises :class:`BadRequest`, naming the field."""
    return _converted(kind, json_object(body), strict=True)


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
        raise misfit(error) from None
