"""Ids on the command line: whole, or the beginning of one where no other has it."""

from __future__ import annotations

from collections.abc import Iterable

from studio_worker_core.errors import StudioWorkerError
from studio_worker_core.foreign_text import printable

_SHOWN = 5


class AmbiguousId(StudioWorkerError):
    """Several ids begin as the one that was given."""


def whole_id(given: str, known: Iterable[str], what: str) -> str | None:
    """The id that is ``given``, or the only one that begins with it; None when none does.

    Raises:
        AmbiguousId: several do; the message names them (``what`` in the plural).
    """
    ids = sorted(set(known))
    if given in ids:
        return given
    found = [each for each in ids if given and each.startswith(given)]
    if len(found) > 1:
        shown = ", ".join(printable(each) for each in found[:_SHOWN])
        more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        raise AmbiguousId(
            f"{len(found)} {what} begin with {given!r}: {shown}{more}; write more of the one "
            "that is meant"
        )
    return found[0] if found else None
