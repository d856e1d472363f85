"""All checks in order, and running them on one engine."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import partial
from pathlib import Path

from msgspec import Struct

from studio_worker_core.testing.conformance import behaviour_checks as behaviour
from studio_worker_core.testing.conformance import output_checks as output
from studio_worker_core.testing.conformance.chat_checks import chats
from studio_worker_core.testing.conformance.live_checks import emits
from studio_worker_core.testing.conformance.option_checks import (
    takes_its_options,
    takes_its_settings,
)
from studio_worker_core.testing.conformance.subject import Subject
from studio_worker_core.testing.conformance.verdicts import (
    Finding,
    NotChecked,
    NotMet,
    OnFinding,
    Report,
    Verdict,
)
from studio_worker_core.testing.conformance.workshop import Workshop
from studio_worker_core.wire.tasks import BINARY_KINDS, TaskKind

_ALL = frozenset(TaskKind)


class Check(Struct, frozen=True):
    """One thing the contract promises."""

    name: str
    once: Callable[[Workshop], str] | None = None
    """Makes the check for the whole engine; answers what was found."""
    each: Callable[[Workshop, TaskKind], str] | None = None
    """Makes the check for one kind of task."""
    kinds: frozenset[TaskKind] = _ALL

    @property
    def meaning(self) -> str:
        """What holds when it passes, in one line."""
        text = (self.once or self.each).__doc__ or ""
        return " ".join(text.split())


CHECKS: tuple[Check, ...] = (
    Check("loads", once=behaviour.loads),
    Check("light-import", once=behaviour.imports_lightly),
    Check("models", each=output.models),
    Check("decodes", each=output.decodes),
    Check("extensions", each=output.extensions, kinds=BINARY_KINDS),
    Check("unknown-extension", each=output.unknown_extension, kinds=BINARY_KINDS),
    Check("as-asked", each=output.as_asked, kinds=_ALL - {TaskKind.AUDIO_STT}),
    Check("seed", each=output.repeats, kinds=frozenset({TaskKind.IMAGE})),
    Check("report", each=output.reports, kinds=frozenset({TaskKind.IMAGE, TaskKind.VIDEO})),
    Check("progress", each=behaviour.progresses),
    Check("emit", each=emits, kinds=_ALL - BINARY_KINDS),
    Check("options", each=takes_its_options),
    Check("settings", each=takes_its_settings),
    Check("chat", each=chats, kinds=frozenset({TaskKind.LLM})),
    Check("cancel", each=behaviour.cancels),
    Check("bad-parameters", each=behaviour.refuses),
    Check("odd-parameters", each=behaviour.survives_oddities),
    Check("unload", each=behaviour.unloads),
    Check("killed", each=behaviour.survives_a_kill),
)
"""Every check, the quick and basic ones first."""


def find_check(name: str) -> Check:
    """The check of a name. Raises ``LookupError`` naming all there are."""
    for check in CHECKS:
        if check.name == name:
            return check
    raise LookupError(
        f"there is no check '{name}'; there are: {', '.join(check.name for check in CHECKS)}"
    )


def check_engine(
    subject: Subject,
    *,
    only: Collection[str] = (),
    skip: Mapping[str, str] | None = None,
    on_finding: OnFinding = lambda _: None,
) -> Report:
    """Check one engine in real lanes and report. Takes seconds to minutes.

    :param only: names of the checks to make; all when empty.
    :param skip: check → why it is left out.
    :param on_finding: told of each finding as it is made.
    """
    findings: list[Finding] = []
    with (
        tempfile.TemporaryDirectory(prefix="conformance-") as root,
        Workshop(subject, Path(root)) as shop,
    ):
        for check in CHECKS:
            if only and check.name not in only:
                continue
            for finding in make_check(shop, check, skip=(skip or {}).get(check.name)):
                findings.append(finding)
                on_finding(finding)
    entry = subject.entry
    return Report(entry.engine, entry.distribution, entry.version, findings)


def make_check(shop: Workshop, check: Check, *, skip: str | None = None) -> Iterator[Finding]:
    """The findings of one check: one, or one for each kind of task the engine does."""
    entry = shop.subject.entry
    kinds = [kind for kind in entry.kinds if kind in check.kinds]
    if skip is not None:
        yield Finding(check.name, check.meaning, "skipped", skip)
    elif check.name != "loads" and not entry.ready:
        yield Finding(check.name, check.meaning, "skipped", f"the engine is {entry.state}")
    elif check.once is not None:
        yield _finding(check, None, partial(check.once, shop))
    elif check.each is not None:
        if not kinds:
            does = ", ".join(entry.kinds)
            yield Finding(check.name, check.meaning, "skipped", f"not for tasks of kind {does}")
        for kind in kinds:
            yield _finding(check, kind, partial(check.each, shop, kind))


def _finding(check: Check, kind: TaskKind | None, make: Callable[[], str]) -> Finding:
    started = time.monotonic()
    outcome: Verdict = "passed"
    try:
        detail = make()
    except NotMet as failed:
        outcome, detail = "failed", str(failed)
    except NotChecked as skipped:
        outcome, detail = "skipped", str(skipped)
    seconds = round(time.monotonic() - started, 2)
    return Finding(check.name, check.meaning, outcome, detail, kind, seconds)
