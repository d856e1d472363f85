"""The models as the view shows them: the catalogue, what engines bring, what lies on the disk."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePath

import msgspec
from msgspec import Struct

from studio_worker_core.lanes.lane_status import LaneStatus
from studio_worker_core.local_api.page.words import KINDS
from studio_worker_core.local_api.work import Served
from studio_worker_core.models.pulling import Pull
from studio_worker_core.models.store import StoredModel
from studio_worker_core.residency.hosted import HostedModel
from studio_worker_core.residency.states import Phase
from studio_worker_core.storage.disk import shown_bytes
from studio_worker_core.wire.tasks import TaskKind

_SIGNS = {
    Phase.UNLOADED: ("Not loaded", "idle", "models"),
    Phase.LOADING: ("Loading", "busy", "again"),
    Phase.LOADED: ("Loaded", "good", "check"),
    Phase.UNLOADING: ("Unloading", "busy", "again"),
    Phase.FAILED: ("Failed", "bad", "alert"),
}
_UNDER_WAY = (Phase.LOADING, Phase.UNLOADING)


class FileRow(Struct, frozen=True):
    """One file of a model."""

    name: str
    role: str
    size: str
    is_there: bool
    has_checksum: bool


class ModelRow(Struct, frozen=True, kw_only=True):
    """One model."""

    id: str
    name: str
    origin: str
    """``catalogue``, ``engine`` or ``disk``."""
    kinds: tuple[TaskKind, ...] = ()
    engine: str = ""
    description: str = ""
    group: str = ""
    phase: Phase = Phase.UNLOADED
    since: float | None = None
    resident: bool = False
    loadable: bool = False
    why_not: str = ""
    """Why it can't be loaded or used."""
    error: str = ""
    gpu_gb: float = 0.0
    memory: str = ""
    """What its process takes now."""
    files: tuple[FileRow, ...] = ()
    on_disk: str = ""
    to_come: str = ""
    """What is still to be downloaded, where its size is known."""
    pull: Pull | None = None

    @property
    def key(self) -> str:
        """Its id, fit to be an id of the page."""
        return hashlib.sha256(self.id.encode("utf-8", "replace")).hexdigest()[:12]

    @property
    def sign(self) -> tuple[str, str, str]:
        """Where it is: word, tone and icon."""
        return _SIGNS[self.phase]

    @property
    def kind_words(self) -> str:
        """What it does."""
        return ", ".join(KINDS[kind].label for kind in self.kinds) or "Any kind"

    @property
    def icon(self) -> str:
        """A sign for what it does."""
        return KINDS[self.kinds[0]].icon if len(self.kinds) == 1 else "models"

    @property
    def in_memory(self) -> bool:
        """Whether it takes memory, or is about to."""
        return self.phase in (Phase.LOADED, *_UNDER_WAY)

    @property
    def is_busy(self) -> bool:
        """Whether it is on its way."""
        return self.phase in _UNDER_WAY

    @property
    def missing(self) -> int:
        """How many of its files are not here."""
        return sum(not file.is_there for file in self.files)


def rows_of(
    hosted: Iterable[HostedModel],
    served: Iterable[Served],
    stored: Iterable[StoredModel],
    lanes: Iterable[LaneStatus],
    pulls: Mapping[str, Pull],
) -> list[ModelRow]:
    """Every model once: of the catalogue in its order, then of engines, then of the disk."""
    there = {each.model: each for each in stored}
    memory: dict[tuple[str, str], int] = {}
    for lane in lanes:
        name = (lane.engine, lane.model)
        memory[name] = memory.get(name, 0) + lane.memory_bytes
    rows = [_of_catalogue(each, there, memory, pulls) for each in hosted]
    known = {row.id for row in rows}
    found: dict[str, ModelRow] = {}
    for each in served:
        if each.id in known:
            continue
        before = found.get(each.id)
        kinds = (*(before.kinds if before else ()), each.kind)
        found[each.id] = _of_engine(each, kinds, memory)
    rows += found.values()
    known |= found.keys()
    return rows + [_on_disk(each) for name, each in there.items() if name not in known]


def chosen(rows: Sequence[ModelRow], which: str, kind: str, text: str) -> list[ModelRow]:
    """Those of ``kind`` that have ``text`` in their words; ``memory`` for those in memory,
    ``kept`` for those that are to stay there."""
    wanted = text.casefold()
    return [
        row
        for row in rows
        if (which != "memory" or row.in_memory)
        and (which != "kept" or row.resident)
        and (not kind or kind in row.kinds)
        and (
            not wanted or wanted in f"{row.id} {row.name} {row.engine} {row.description}".casefold()
        )
    ]


def seal(value: object) -> str:
    """What changes with ``value``, and only then."""
    return hashlib.sha256(msgspec.json.encode(value)).hexdigest()[:16]


def _of_catalogue(
    model: HostedModel,
    there: Mapping[str, StoredModel],
    memory: Mapping[tuple[str, str], int],
    pulls: Mapping[str, Pull],
) -> ModelRow:
    entry = model.entry
    stored = there.get(entry.id)
    present = set(stored.files) if stored is not None else set()
    files = tuple(
        FileRow(
            each.filename,
            each.role,
            shown_bytes(each.approx_bytes) if each.approx_bytes else "",
            each.filename in present,
            each.sha256 is not None,
        )
        for each in {file.filename: file for file in entry.source.files}.values()
    )
    to_come = sum(
        file.approx_bytes or 0 for file in entry.source.files if file.filename not in present
    )
    taken = memory.get((entry.source.engine, entry.id))
    return ModelRow(
        id=entry.id,
        name=entry.display_name or entry.id,
        origin="catalogue",
        kinds=(entry.kind,) if entry.kind is not None else (),
        engine=entry.source.engine,
        description=entry.description or "",
        group=entry.exclusive_group or "",
        phase=model.phase,
        since=model.since if model.phase is not Phase.UNLOADED else None,
        resident=model.resident,
        loadable=model.loadable,
        why_not=_why_not(model),
        error=model.error or "",
        gpu_gb=entry.vram_gb_estimate,
        memory=shown_bytes(taken) if taken else "",
        files=files,
        on_disk=shown_bytes(stored.size) if stored is not None and stored.size else "",
        to_come=shown_bytes(to_come) if to_come else "",
        pull=pulls.get(entry.id),
    )


def _why_not(model: HostedModel) -> str:
    if model.loadable:
        return ""
    if not model.entry.enabled:
        return "It is turned off in the catalogue."
    return f"The engine {model.entry.source.engine} is not ready here, or does not serve it."


def _of_engine(
    model: Served, kinds: tuple[TaskKind, ...], memory: Mapping[tuple[str, str], int]
) -> ModelRow:
    taken = memory.get((model.source.engine, model.id))
    return ModelRow(
        id=model.id,
        name=model.id,
        origin="engine",
        kinds=tuple(dict.fromkeys(kinds)),
        engine=model.source.engine,
        phase=Phase.UNLOADED if taken is None else Phase.LOADED,
        memory=shown_bytes(taken) if taken else "",
        gpu_gb=model.vram_gb_estimate,
    )


def _on_disk(stored: StoredModel) -> ModelRow:
    return ModelRow(
        id=stored.model,
        name=stored.model,
        origin="disk",
        why_not="Its files are here, but the catalogue does not know it: nothing uses them.",
        files=tuple(
            FileRow(PurePath(name).name, "", "", True, False) for name in sorted(stored.files)
        ),
        on_disk=shown_bytes(stored.size),
    )
