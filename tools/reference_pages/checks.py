"""The conformance checks: names and meanings, as the kit itself tells them."""

from __future__ import annotations

from studio_worker_core.testing.conformance import CHECKS, Check
from studio_worker_core.wire.tasks import TaskKind
from tools.reference_pages.markdown import GENERATED, plain, table

_OPENING = """# Conformance checks

What `studio-worker engines check` and the pytest plugin try, in this order.
[Check your engine](../plugins/testing.md) shows how to run them.

"""


def page() -> str:
    """The whole page."""
    rows = [[f"`{check.name}`", plain(check.meaning), _kinds(check)] for check in CHECKS]
    return GENERATED + _OPENING + table(["check", "what holds", "kinds"], rows)


def _kinds(check: Check) -> str:
    wanted = [kind for kind in TaskKind if kind in check.kinds]
    return "all" if len(wanted) == len(TaskKind) else ", ".join(kind.value for kind in wanted)
