"""Version numbers (PEP 440), as far as an order of our releases needs them."""

from __future__ import annotations

import re
from collections.abc import Iterable

_VERSION = re.compile(
    r"v?(?P<release>[0-9]{1,9}(?:\.[0-9]{1,9}){0,5})"
    r"(?:[-_.]?(?P<stage>a|alpha|b|beta|rc|c|pre)[-_.]?(?P<number>[0-9]{0,9}))?"
    r"(?:[-_.]?post(?P<post>[0-9]{0,9}))?"
    r"(?:[-_.]?dev(?P<dev>[0-9]{0,9}))?"
    r"(?:\+[a-z0-9.]{1,100})?",
    re.IGNORECASE,
)
_STAGES = {"a": 0, "alpha": 0, "b": 1, "beta": 1, "rc": 2, "c": 2, "pre": 2}
_FINAL = 3

Order = tuple[tuple[int, ...], int, int, int, int]


def order_of(text: str) -> Order | None:
    """What versions are ordered by; None for a text that is no version."""
    found = _VERSION.fullmatch(text.strip())
    if found is None:
        return None
    release = [int(part) for part in found["release"].split(".")]
    while len(release) > 1 and release[-1] == 0:
        release.pop()
    stage = _STAGES[found["stage"].lower()] if found["stage"] else _FINAL
    is_dev, post = found["dev"] is not None, found["post"]
    if is_dev and stage == _FINAL and post is None:
        stage = -1  # before any alpha
    last = int(found["dev"] or 0) if is_dev else 2**40
    return tuple(release), stage, int(found["number"] or 0), int(post or 0), last


def is_prerelease(text: str) -> bool:
    """Whether it is a version to be tried out and no release."""
    found = _VERSION.fullmatch(text.strip())
    return found is not None and (found["stage"] is not None or found["dev"] is not None)


def newest(versions: Iterable[str], *, prereleases: bool) -> str | None:
    """The newest of ``versions``; what is no version is passed over."""
    known = [(order, text) for text in versions if (order := order_of(text)) is not None]
    wanted = [each for each in known if prereleases or not is_prerelease(each[1])]
    return max(wanted)[1] if wanted else None
