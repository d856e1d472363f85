"""Checks of what an engine hands over while it works."""

from __future__ import annotations

from msgspec.structs import replace

from studio_worker_core.lanes.live import LiveOutput
from studio_worker_core.testing.conformance.output_checks import text_of
from studio_worker_core.testing.conformance.verdicts import NotChecked, NotMet
from studio_worker_core.testing.conformance.workshop import Workshop
from studio_worker_core.thinking import split
from studio_worker_core.wire.tasks import LlmTask, Task, TaskKind, task_kind

_LEAST_STOP = 3
_SHOWN = 60


def emits(shop: Workshop, kind: TaskKind) -> str:
    """What it emits piece by piece is in all the text of its result, and no stop text."""
    task = shop.task(kind)
    pieces, said = _emitted(shop, task)
    if isinstance(task, LlmTask):
        stops = [word for word in said.split() if len(word) >= _LEAST_STOP]
        if stops:
            stop = stops[len(stops) // 2]
            _, cut = _emitted(shop, replace(task, stop=[stop]))
            if stop in cut:
                raise NotMet(f"emitted the stop text {stop[:_SHOWN]!r}; hold it back")
    return f"{len(pieces)} pieces, {len(said)} characters"


def _emitted(shop: Workshop, task: Task) -> tuple[list[str], str]:
    """The pieces, and the text in them without its reasoning."""
    pieces: list[str] = []
    product = shop.fresh_product(task, live=LiveOutput(text=pieces.append))
    if not pieces:
        raise NotChecked("it emits nothing; a client that streams waits for the whole answer")
    text = text_of(task_kind(task), product.answer)
    said, meant = "".join(pieces), text
    if isinstance(task, LlmTask):
        said, meant = split(said)[1], split(text)[1]
    if said != meant:
        at = next((n for n, (a, b) in enumerate(zip(said, meant, strict=False)) if a != b), None)
        at = min(len(said), len(meant)) if at is None else at
        raise NotMet(
            f"emitted {said[at : at + _SHOWN]!r} where its result has "
            f"{meant[at : at + _SHOWN]!r}, from character {at}"
        )
    return pieces, said
