"""The engines of this repository: what each plugin module says about itself."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from studio_worker_core import __version__
from studio_worker_core.plugin import API_VERSION, ENTRY_POINT_GROUP, HostInfo
from studio_worker_core.roster.discovery import discover
from studio_worker_core.roster.roster import RosterEntry
from tools.reference_pages.markdown import GENERATED, cell, table

_PLUGINS = {
    "studio_worker_core.synthetic.plugin": "studio-worker",
    "studio_worker_image.plugin": "studio-worker[image]",
    "studio_worker_llm.plugin": "studio-worker[llm]",
    "studio_worker_tts.plugin": "studio-worker[tts]",
    "studio_worker_video.plugin": "studio-worker[video]",
}
_OPTIONAL = frozenset({"coqui", "diffusers", "llama-cpp", "sd-cpp"})

_OPENING = """# Engines in this repository

What each engine says about itself; `studio-worker engines show NAME` prints the same.
The engines `coqui`, `diffusers`, `llama-cpp` and `sd-cpp` are offered only where their library is
installed:
see [real models](../operator/models.md).

"""


def page() -> str:
    """The whole page."""
    host = HostInfo(API_VERSION, __version__, Path("models"))
    points = _points()
    missing = _PLUGINS.keys() - {point.value for point in points}
    if missing:
        raise SystemExit(f"not installed, so not described: {', '.join(sorted(missing))}")
    roster = discover(host, allowed={point.name for point in points})
    # What an optional library adds depends on this machine and is left out.
    entries = [
        entry
        for entry in roster.entries
        if entry.engine not in _OPTIONAL
        and entry.state != "disabled"
        and (entry.spec is not None or entry.reason is not None)  # has engines, or is broken
    ]
    broken = [f"{entry.engine}: {entry.reason}" for entry in entries if not entry.ready]
    if broken:
        raise SystemExit("cannot describe engines that do not load: " + "; ".join(broken))
    return GENERATED + _OPENING + "\n".join(_section(entry) for entry in entries)


def _points() -> list[EntryPoint]:
    return [p for p in entry_points(group=ENTRY_POINT_GROUP) if p.value in _PLUGINS]


def _requirement(entry: RosterEntry) -> str:
    return next(_PLUGINS[p.value] for p in _points() if p.name == entry.entry_point)


def _section(entry: RosterEntry) -> str:
    spec = entry.spec
    assert spec is not None
    models = sorted({name for names in entry.models.values() for name in names})
    facts = [
        ["installed by", f"`pip install '{_requirement(entry)}'`"],
        ["kinds", ", ".join(kind.value for kind in entry.kinds)],
        ["models", ", ".join(f"`{name}`" for name in models)],
        ["file types of its plugin", ", ".join(f"`{ext}`" for ext in sorted(entry.extensions))],
        ["licence", spec.licence or "that of its plugin"],
    ]
    text = f"## {entry.engine}\n\n{cell(spec.summary)}.\n\n" + table(["", ""], facts)
    if spec.parameters:
        rows = [[f"`{name}`", meaning] for name, meaning in spec.parameters.items()]
        text += "\n" + table(["parameter", "how it is treated"], rows)
    return text
