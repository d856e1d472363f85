"""Text that never shows itself: tokens and the registration secret."""

from __future__ import annotations

import hmac
from typing import NoReturn

from studio_worker_core.redaction import hide


class Secret:
    """A credential. ``repr``, ``str`` and ``format`` give ``***``; :meth:`reveal` the text.

    It cannot be pickled, so it does not cross a process border or reach a log by accident; and
    from its making on, its text is taken out of whatever this process writes (:mod:`.redaction`).
    """

    __slots__ = ("_text",)

    def __init__(self, value: str) -> None:
        self._text = value
        hide(value)

    def reveal(self) -> str:
        """The text itself, for the one place that sends or stores it."""
        hide(self._text)  # in use again: from here on it may come back in somebody's answer
        return self._text

    def __repr__(self) -> str:
        return "***"

    def __format__(self, spec: str) -> str:
        return format("***", spec)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._text.encode(), other._text.encode())

    def __hash__(self) -> int:
        return hash(("Secret", self._text))

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: object) -> Secret:
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret cannot be pickled")
