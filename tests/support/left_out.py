"""Tests that this machine cannot run: left out, and said so at the end of the run with the one
command that brings what they need.

A machine without a browser, a database server or another language's runtime still runs the rest.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NoReturn

import pytest

_MARK = "left out: "
_BRINGS = "; to run them: "


def leave_out(what: str, command: str) -> NoReturn:
    """Skip the test that asks: it is one of ``what``, and ``command`` brings what they need."""
    pytest.skip(f"{_MARK}{what}{_BRINGS}{command}")


def summary(skipped: Iterable[pytest.TestReport]) -> list[str]:
    """A line for each kind of tests that was left out, with how many they were."""
    counts: dict[str, int] = {}
    for report in skipped:
        # The place, the line and the reason of a skip.
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else ""
        told = reason.removeprefix("Skipped: ")
        if told.startswith(_MARK):
            said = told.removeprefix(_MARK)
            counts[said] = counts.get(said, 0) + 1
    lines = []
    for said, times in sorted(counts.items()):
        what, _, command = said.partition(_BRINGS)
        lines.append(f"left out {times}: {what}. To run them: {command}")
    return lines
