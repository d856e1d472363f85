"""Small installed distributions for tests of discovery, without pip."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from studio_worker_core.plugin import ENTRY_POINT_GROUP, HostInfo
from studio_worker_core.roster.discovery import discover
from studio_worker_core.roster.plugin_records import DESCRIBE_SECONDS
from studio_worker_core.roster.roster import Roster, RosterEntry

HEAD = "from studio_worker_core.plugin import *\nfrom studio_worker_core.plugin import hookimpl\n"
"""How a plugin module written in a test begins; two lines."""

_GOOD = """
@hookimpl
def studio_worker_engines(host):
    return [EngineSpec(name="{engine}", models={{TaskKind.IMAGE: ["b", "a", "a"]}},
                       factory="{engine}_engine:Engine", version="3")]

@hookimpl
def studio_worker_extensions():
    return {extensions}
"""


def good_source(engine: str = "good", extensions: str = "{'png': 'image/png'}") -> str:
    """Text of a plugin module with one engine that offers the image models ``a`` and ``b``."""
    return HEAD + _GOOD.format(engine=engine, extensions=extensions)


def build_plugin(
    root: Path,
    distribution: str,
    source: str,
    *,
    version: str = "1.0",
    entry_point: str | None = None,
    module: str | None = None,
) -> Path:
    """Write a distribution with one plugin module into ``root``, as pip would install it.

    :param root: a directory that is, or will be, on ``sys.path``.
    :param source: text of the plugin module.
    :param entry_point: its name; by default the distribution's.
    :param module: name of the module; by default made from the distribution's.
    :returns: the module's file.
    """
    name = module or distribution.replace("-", "_")
    file = root / f"{name}.py"
    file.write_text(source, encoding="utf-8")
    info = root / f"{distribution.replace('-', '_')}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n", encoding="utf-8"
    )
    (info / "entry_points.txt").write_text(
        f"[{ENTRY_POINT_GROUP}]\n{entry_point or distribution} = {name}\n", encoding="utf-8"
    )
    return file


class PluginSite:
    """A directory of installed plugins. Put it on ``sys.path`` before discovery."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def add(
        self,
        distribution: str,
        source: str,
        *,
        version: str = "1.0",
        entry_point: str | None = None,
    ) -> Path:
        """Install a plugin; see :func:`build_plugin`."""
        return build_plugin(
            self.root, distribution, source, version=version, entry_point=entry_point
        )

    def discover(
        self,
        *,
        disabled: Iterable[str] = (),
        allowed: frozenset[str] | None = None,
        cache: Path | None = None,
        seconds: float = DESCRIBE_SECONDS,
    ) -> Roster:
        """The roster of the plugins here and the built-in one."""
        host = HostInfo(api_version=1, agent_version="0.1.0", models_root=self.root)
        return discover(
            host,
            disabled=tuple(disabled),
            allowed=allowed,
            search_path=[str(self.root)],
            cache=cache,
            seconds=seconds,
        )

    def entry(self, engine: str) -> RosterEntry:
        """The roster entry of one engine. Raises ``LookupError`` when there is none."""
        found = self.discover().find(engine)
        if found is None:
            raise LookupError(f"no roster entry '{engine}'")
        return found
