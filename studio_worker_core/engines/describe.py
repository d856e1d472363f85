"""``python -m studio_worker_core.engines.describe REQUIREMENT MODELS_ROOT FILE``.

Run by the interpreter of an isolated environment: loads the plugins installed there and
writes what their hooks answered, for the host to read.
"""

from __future__ import annotations

import contextlib
import sys
from importlib.metadata import entry_points
from pathlib import Path

import msgspec

from studio_worker_core import __version__
from studio_worker_core.engines.discovery import candidates
from studio_worker_core.engines.isolated import Description, PluginDescription
from studio_worker_core.engines.loading import load_plugin
from studio_worker_core.plugin import API_VERSION, ENTRY_POINT_GROUP, HostInfo

__all__ = ["describe", "main"]


def describe(requirement: str, models_root: Path) -> Description:
    """Load every plugin of this environment but the built-in ones."""
    host = HostInfo(api_version=API_VERSION, agent_version=__version__, models_root=models_root)
    with contextlib.redirect_stdout(sys.stderr):
        loaded = [
            load_plugin(candidate, host)
            for candidate in candidates(entry_points(group=ENTRY_POINT_GROUP))
            if not candidate.builtin
        ]
    return Description(
        requirement=requirement,
        agent_version=__version__,
        plugins=tuple(
            PluginDescription(
                name=plugin.name,
                distribution=plugin.distribution,
                version=plugin.version,
                source=plugin.source,
                import_ms=plugin.import_ms,
                engines=plugin.engines,
                extensions=dict(plugin.extensions),
                report=plugin.report,
                warnings=plugin.warnings,
                fault=plugin.fault,
            )
            for plugin in loaded
        ),
    )


def main() -> None:
    """Write the description; exits non-zero with a message when it cannot."""
    requirement, models_root, file = sys.argv[1:]
    description = describe(requirement, Path(models_root))
    Path(file).write_bytes(msgspec.json.encode(description))


if __name__ == "__main__":
    main()
