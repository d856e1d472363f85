"""The conformance kit: does an engine keep the contract of :mod:`studio_worker_core.plugin`?

Every job runs in a real lane, as it would in the worker. From the command line it is
``studio-worker engines check NAME``; in a plugin's own tests::

    import pytest

    @pytest.mark.studio_worker_engine("my-engine")
    def test_the_engine_keeps_the_contract(conformance_check):
        conformance_check.verify()

and as a library :func:`check_engine`.
"""

from __future__ import annotations

from studio_worker_core.testing.conformance.checking import (
    CHECKS,
    Check,
    check_engine,
    find_check,
    make_check,
)
from studio_worker_core.testing.conformance.subject import (
    Subject,
    installed_subject,
    subject_from,
)
from studio_worker_core.testing.conformance.verdicts import Finding, Report, Verdict
from studio_worker_core.testing.conformance.workshop import Workshop

__all__ = [
    "CHECKS",
    "Check",
    "Finding",
    "Report",
    "Subject",
    "Verdict",
    "Workshop",
    "check_engine",
    "find_check",
    "installed_subject",
    "make_check",
    "subject_from",
]
