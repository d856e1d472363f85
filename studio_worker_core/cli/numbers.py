"""Numbers on the command line: refused in words, and told from options when below zero."""

from __future__ import annotations

import math
import re
from typing import Any

import typer
from typer.core import TyperCommand

_NEGATIVE = re.compile(r"-\.?[0-9].*")


class NegativeArguments(TyperCommand):
    """A command whose arguments may be numbers below zero: ``-1`` is no option of it."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the command line with the negative numbers behind all options."""
        if "--" not in args:
            numbers = [text for text in args if _NEGATIVE.fullmatch(text)]
            args = [text for text in args if text not in numbers] + ["--", *numbers]
        return super().parse_args(ctx, args)


def whole_number(text: str) -> int:
    """For ``parser=``. Raises typer.BadParameter, to which the option's name is added."""
    try:
        return int(text)
    except ValueError:
        raise typer.BadParameter(f"{text[:80]!r} is no whole number") from None


def number(text: str) -> float:
    """As :func:`whole_number`, for any finite number."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise typer.BadParameter(f"{str(text)[:80]!r} is no number")
    return value
