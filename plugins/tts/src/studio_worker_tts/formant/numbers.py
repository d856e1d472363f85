"""Numbers as English words."""

from __future__ import annotations

_ONES = [
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    *("eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen"),
    *("eighteen", "nineteen"),
]
_TENS = [
    *("zero", "ten", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty"),
    "ninety",
]
_SCALES = ((10**9, "billion"), (10**6, "million"), (1000, "thousand"), (100, "hundred"))


def in_words(number: str) -> list[str]:
    """Words for a decimal number; digit by digit past 12 places and behind the point."""
    whole, point, fraction = number.partition(".")
    words = _whole(int(whole)) if len(whole) <= 12 else [_ONES[int(digit)] for digit in whole]
    return words + (["point", *(_ONES[int(digit)] for digit in fraction)] if point else [])


def _whole(value: int) -> list[str]:
    if value < 20:
        return [_ONES[value]]
    if value < 100:
        rest = [_ONES[value % 10]] if value % 10 else []
        return [_TENS[value // 10], *rest]
    for size, name in _SCALES:
        if value >= size:
            rest = _whole(value % size) if value % size else []
            return [*_whole(value // size), name, *rest]
    raise AssertionError("every value of 100 and more has a scale")
