"""The numbers of an offer: what each may be, and what is made of any other value.

One table for all of them (protocol §3, "Written strictly, read leniently"). The structs in
:mod:`.tasks`, :mod:`.models` and :mod:`.frames` hold the same bounds and the defaults.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from enum import Enum
from typing import Any

from msgspec import Struct

from studio_worker_core.errors import WireError
from studio_worker_core.wire.bounds import MAX_SIDE
from studio_worker_core.wire.tasks import MAX_SEED


class Beyond(Enum):
    """What a number outside its bounds means."""

    NOTHING = "not given"
    NEAREST = "the nearest bound"
    DRAWN = "below 0 asks for a drawn one"
    REFUSED = "cannot be served"


class Number(Struct, frozen=True):
    """The bounds of a number, both included unless ``zero_is_nothing``."""

    least: float
    most: float
    whole: bool = False
    zero_is_nothing: bool = False
    negative: Beyond = Beyond.NOTHING
    above: Beyond = Beyond.NEAREST
    quiet_zero: bool = False
    """Zero is the usual way to say that there is none, and no line in the log."""


class Reading(Struct, frozen=True):
    """What was read; ``why`` is None where it is what was sent."""

    value: int | float | None
    why: str | None = None


_SEED = Number(0, MAX_SEED, whole=True, negative=Beyond.DRAWN)
_SIDE = Number(1, MAX_SIDE, whole=True, zero_is_nothing=True, negative=Beyond.REFUSED)
_STEPS = Number(1, 10_000, whole=True, zero_is_nothing=True)

TASK_NUMBERS: Mapping[str, Number] = {
    "steps": _STEPS,
    "width": _SIDE,
    "height": _SIDE,
    "seed": _SEED,
    "denoise": Number(0, 1, negative=Beyond.NEAREST),
    "cfgScale": Number(0, 100),
    "maxTokens": Number(1, 1_000_000, whole=True, zero_is_nothing=True),
    "temperature": Number(0, 100, negative=Beyond.NEAREST),
    "topP": Number(0, 1, zero_is_nothing=True),
    "speed": Number(0, 100, zero_is_nothing=True),
    "seconds": Number(0, 86_400, zero_is_nothing=True),
    "fps": Number(0, 1000, zero_is_nothing=True),
}

_MODELS_SIDE = Number(1, MAX_SIDE, whole=True, zero_is_nothing=True, quiet_zero=True)

DEFAULTS_NUMBERS: Mapping[str, Number] = {
    "cfgScale": Number(0, 100, zero_is_nothing=True, quiet_zero=True),
    "steps": Number(1, 10_000, whole=True, zero_is_nothing=True, quiet_zero=True),
    "width": _MODELS_SIDE,
    "height": _MODELS_SIDE,
    "flowShift": Number(-1000, 1000, negative=Beyond.NEAREST),
    "contextSize": Number(1, 2**31 - 1, whole=True, zero_is_nothing=True, quiet_zero=True),
}

FILE_NUMBERS: Mapping[str, Number] = {"approxBytes": Number(0, 2**62, whole=True)}

CLAIM_NUMBERS: Mapping[str, Number] = {
    "vramGbEstimate": Number(0, 1_000_000, above=Beyond.REFUSED),
}

_TEXT = re.compile(r"[+-]?[0-9]{1,40}(\.[0-9]{0,40})?([eE][+-]?[0-9]{1,3})?")
_WHOLE_TEXT = re.compile(r"[+-]?[0-9]+")


def read_number(name: str, value: Any, bounds: Number) -> Reading:
    """What ``value``, any JSON, means as the number ``name``.

    Raises:
        WireError: it cannot be served at all; the reason names it.
    """
    number = _number_in(value)
    as_sent = "is text" if isinstance(value, str) else None
    if number is None:
        return Reading(None, "is no number")
    if isinstance(number, float) and not math.isfinite(number):
        raise WireError("offer", f"{name}: {value} is no number that can be used")
    if number == 0 and bounds.zero_is_nothing:
        return Reading(None, None if bounds.quiet_zero else "says nothing")
    if bounds.negative is Beyond.DRAWN and isinstance(number, int) and -(2**63) <= number < 0:
        return Reading(number, as_sent)
    if number < 0 and number < bounds.least:
        return _beyond(name, number, bounds, bounds.negative)
    if number > bounds.most:
        return _beyond(name, number, bounds, bounds.above)
    if not bounds.whole:
        return Reading(number, as_sent)
    rounded = max(math.floor(number + 0.5) if isinstance(number, float) else number, bounds.least)
    if rounded != number:
        return Reading(int(rounded), "is no whole number")
    return Reading(int(rounded), as_sent)


def _beyond(name: str, number: int | float, bounds: Number, meaning: Beyond) -> Reading:
    below = number < bounds.least
    match meaning:
        case Beyond.NOTHING:
            return Reading(None, "says nothing")
        case Beyond.DRAWN:
            return Reading(-1, "asks for a drawn one")
        case Beyond.NEAREST if below:
            return Reading(bounds.least, f"is below {bounds.least:g}")
        case Beyond.NEAREST:
            return Reading(_as_meant(bounds.most, bounds), f"is above {bounds.most}")
        case Beyond.REFUSED:
            bound = f"below {bounds.least:g}" if below else f"above {bounds.most:g}"
            raise WireError("offer", f"{name} is {bound}: that cannot be served")


def _as_meant(bound: float, bounds: Number) -> int | float:
    return int(bound) if bounds.whole else bound


def _number_in(value: Any) -> int | float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return value
    if isinstance(value, str) and _TEXT.fullmatch(value):
        if _WHOLE_TEXT.fullmatch(value):
            return int(value)
        number = float(value)
        return number if math.isfinite(number) else None
    return None
