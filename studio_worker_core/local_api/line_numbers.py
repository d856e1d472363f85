"""Numbers of log lines, as clients write them."""

from __future__ import annotations

_MOST_DIGITS = 18


def line_number(text: str | None) -> int | None:
    """The number of a line of the log; None for what is no such number."""
    digits = (text or "").strip()
    is_number = digits.isascii() and digits.isdecimal() and len(digits) <= _MOST_DIGITS
    return int(digits) if is_number else None
