"""Why a request is not served, each with its HTTP status; the application turns it into an
answer in the shape of the route that was asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from studio_worker_core.errors import InsufficientMemory
from studio_worker_core.wire.complaints import complaint, place_of


class Refused(Exception):
    """Root of what a route raises instead of an answer.

    :param param: the field at fault, as the client wrote it.
    :param code: a word for programs.
    :param more: further fields of an answer in the original worker's shape.
    """

    status = 400
    code: str | None = None

    def __init__(
        self,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.more = more or {}
        if code is not None:
            self.code = code


class BadRequest(Refused):
    """The request cannot be served as it is."""


def misfit(error: msgspec.ValidationError) -> BadRequest:
    """What a request has in it does not fit; it names the field."""
    return BadRequest(complaint(error), param=place_of(error) or None)


class UnknownModel(Refused):
    """No model of that name does that kind of work."""

    status = 404
    code = "model_not_found"

    def __init__(self, message: str) -> None:
        super().__init__(message, param="model")


class WrongModel(Refused):
    """The model is there and does other work."""

    code = "wrong_model"


class UnsupportedMediaType(Refused):
    """The body is of a type that is not read there."""

    status = 415
    code = "unsupported_media_type"


class NotLoaded(Refused):
    """What is asked for needs a model that is loaded."""

    status = 409
    code = "model_not_loaded"

    def __init__(self, model: str) -> None:
        super().__init__(
            f"model '{model[:100]}' is not loaded; POST /models/{{id}}/load does that",
            more={"state": "unloaded"},
        )


class NotThere(Refused):
    """Nothing of that name is there."""

    status = 404


class NotServed(Refused):
    """No engine here does that."""

    status = 501
    code = "not_served"


class TooLarge(Refused):
    """A body beyond its bound."""

    status = 413
    code = "too_large"

    def __init__(self, most: int) -> None:
        super().__init__(f"the body is longer than {most} bytes")


class Busy(Refused):
    """Nothing more is taken now; the answer says when to ask again."""

    status = 503
    code = "busy"

    def __init__(self, message: str = "the worker is busy; ask again in a moment") -> None:
        super().__init__(message)


class MemoryFull(Refused):
    """The model does not fit beside what is loaded."""

    status = 409
    code = "insufficient_memory"

    def __init__(self, short: InsufficientMemory) -> None:
        sizes = {
            "neededGib": round(short.needed_gib, 2),
            "freeGib": round(short.free_gib, 2),
            "marginGib": short.margin_gib,
        }
        super().__init__(str(short), more=sizes)


class DeadlinePassed(Refused):
    """The client's ``deadline_ms`` is over."""

    status = 504
    code = "deadline_passed"

    def __init__(self) -> None:
        super().__init__("deadline passed")


class ClientGone(Refused):
    """Whoever asked has hung up: there is nobody to answer."""

    status = 499

    def __init__(self) -> None:
        super().__init__("the client has gone")
