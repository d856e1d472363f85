"""What holds for every test: property tests have no time limit of their own.

A busy machine is no bug; a test that hangs is ended by pytest's time-out. With ``CI`` set,
property tests draw the same examples in every run: what is new is found where it can be mended.
"""

from __future__ import annotations

import os
import signal

import pytest
from hypothesis import HealthCheck, settings

from tests.support.left_out import summary

settings.register_profile(
    "patient",
    deadline=None,
    derandomize=bool(os.environ.get("CI")),
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("patient")

# A shell starts what it runs in the background with Ctrl-C ignored, and the commands under test
# would inherit that; they are to meet it as at a terminal.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The last lines say what this machine could not run, and what brings it."""
    for line in summary(terminalreporter.stats.get("skipped", ())):
        terminalreporter.write_line(line, yellow=True)
