"""The parameters and settings that only one engine has, as data, and what is given held against
them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from msgspec import Struct

OptionType = Literal["text", "whole number", "number", "true or false", "choice", "secret"]


_EXPECTED: Mapping[OptionType, str] = {
    "text": "expected a text",
    "whole number": "expected a whole number",
    "number": "expected a number",
    "true or false": "expected true or false",
}

NAMED_FORM = '{ env = "NAME" } or { file = "PATH" }'
"""How the config names a secret: by a variable or a file, so that it can be shown to anybody."""


class OptionSpec(Struct, frozen=True, omit_defaults=True):
    """One parameter or one setting of one engine."""

    name: str
    """As it is given: its name on the wire."""
    type: OptionType
    default: Any = None
    """What counts where nothing is given; None where the engine decides."""
    least: float | None = None
    most: float | None = None
    above: float | None = None
    """It has to be greater than this."""
    below: float | None = None
    longest: int | None = None
    """Characters of a text."""
    choices: tuple[str | int, ...] = ()
    words: str = ""
    """What it does, for people."""

    @property
    def range(self) -> str:
        """What it may be, in words: ``-12 to 12``; empty where anything of its type will do."""
        if self.choices:
            return ", ".join(map(str, self.choices))
        if self.longest is not None:
            return f"up to {self.longest} characters"
        ends = [
            f"at least {self.least:g}" if self.least is not None else "",
            f"above {self.above:g}" if self.above is not None else "",
            f"at most {self.most:g}" if self.most is not None else "",
            f"below {self.below:g}" if self.below is not None else "",
        ]
        if self.least is not None and self.most is not None:
            return f"{self.least:g} to {self.most:g}"
        return ", ".join(end for end in ends if end)


def refusal(
    options: Sequence[OptionSpec], given: Mapping[str, Any], where: str = "options"
) -> str | None:
    """Why an engine with ``options`` cannot take what is given; None when it can.

    :param where: what they are called in the answer.
    """
    known = {option.name: option for option in options}
    for name, value in given.items():
        option = known.get(name)
        if option is None:
            return _unknown(where, name[:80], list(known))
        wrong = None if value is option.default is None else wrong_value(option, value)
        if wrong is not None:
            return f"{where}.{name}: {wrong}"
    return None


def _unknown(where: str, name: str, known: Sequence[str]) -> str:
    import difflib  # only a mistake costs its import

    near = difflib.get_close_matches(name, known, 1)
    if near:
        return f"{where} has no '{name}'; did you mean '{near[0]}'?"
    return f"{where} has no '{name}'; " + (f"it has {', '.join(known)}" if known else "it has none")


def wrong_value(option: OptionSpec, value: Any) -> str | None:
    """Why ``value`` will not do for ``option``; None when it will."""
    if option.type == "secret":
        return None if names_a_secret(value) else _no_secret(value)
    if option.choices:
        expected = f"expected one of {option.range}"
    else:
        expected = ", ".join(part for part in (_EXPECTED[option.type], option.range) if part)
    if not _is_of(option.type, value) or not _is_within(option, value):
        return f"{expected}, got {str(value)[:80]!r}"
    return None


def names_a_secret(value: Any) -> bool:
    """Whether ``value`` is of :data:`NAMED_FORM`."""
    if not isinstance(value, Mapping) or len(value) != 1:
        return False
    ((how, name),) = value.items()
    return how in ("env", "file") and isinstance(name, str) and bool(name.strip())


def _no_secret(value: Any) -> str:
    """Says nothing of the value: it may be the secret."""
    text = f"expected {NAMED_FORM}"
    if isinstance(value, str):
        return f"{text}: the secret itself is not written into the config"
    return text


def _is_of(kind: OptionType, value: Any) -> bool:
    match kind:
        case "text":
            return isinstance(value, str)
        case "true or false":
            return isinstance(value, bool)
        case "choice":
            return isinstance(value, str | int) and not isinstance(value, bool)
        case "whole number":
            return isinstance(value, int) and not isinstance(value, bool)
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, int) and not isinstance(value, bool)


def _is_within(option: OptionSpec, value: Any) -> bool:
    if option.choices:
        return value in option.choices
    if isinstance(value, str):
        return option.longest is None or len(value) <= option.longest
    return (
        (option.least is None or value >= option.least)
        and (option.most is None or value <= option.most)
        and (option.above is None or value > option.above)
        and (option.below is None or value < option.below)
    )
