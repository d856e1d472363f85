"""Which model a request means: a name of this worker, an alias of its config, or none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from studio_worker_core.local_api.errors import UnknownModel
from studio_worker_core.local_api.work import Served
from studio_worker_core.wire.tasks import TaskKind


def chosen(
    served: Sequence[Served], name: str | None, kind: TaskKind, aliases: Mapping[str, str]
) -> Served:
    """The model called ``name``, else by its alias; without a name the preferred one.

    Raises:
        UnknownModel: there is none; the message says what there is.
    """
    fitting = [each for each in served if each.kind is kind]
    if not name:
        if fitting:
            return fitting[0]
        raise UnknownModel(f"this worker has no {kind} model; see 'studio-worker engines list'")
    wanted = aliases.get(name, name)
    for each in fitting:
        if each.id == wanted:
            return each
    there = [each for each in served if each.id == wanted]
    if there:
        raise UnknownModel(f"model '{_short(wanted)}' does {there[0].kind}, not {kind}")
    if wanted != name:
        raise UnknownModel(
            f"model '{_short(name)}' is an alias of '{_short(wanted)}' here, which is not there; "
            "see [api.aliases] in the config"
        )
    known = ", ".join(sorted({each.id for each in fitting})[:12]) or "none"
    raise UnknownModel(
        f"there is no {kind} model '{_short(name)}' here; there is {known} ([api.aliases] in the "
        "config gives one another name)"
    )


def listed(served: Sequence[Served], aliases: Mapping[str, str]) -> list[dict[str, Any]]:
    """Every name that can be asked for, aliases included, as OpenAI lists models."""
    found: dict[str, dict[str, Any]] = {}
    for each in served:
        entry = found.setdefault(each.id, _entry(each.id, each))
        if each.kind not in entry["kinds"]:
            entry["kinds"].append(each.kind)
    for alias, name in aliases.items():
        if name in found and alias not in found:
            found[alias] = {**found[name], "id": alias, "alias_of": name}
    return list(found.values())


def _entry(name: str, model: Served) -> dict[str, Any]:
    return {
        "id": name,
        "object": "model",
        "created": 0,
        "owned_by": model.source.engine,
        "kinds": [model.kind],
    }


def _short(name: str) -> str:
    return name if len(name) <= 100 else f"{name[:100]}…"
