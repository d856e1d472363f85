"""``python -m studio_worker_core.roster.describe_environment REQUIREMENT MODELS_ROOT FILE``.

Run by the interpreter of an isolated environment: has the plugins installed there described,
and writes what their hooks answered for the host to read.
"""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec

from studio_worker_core import __version__
from studio_worker_core.plugin import API_VERSION, HostInfo
from studio_worker_core.roster.describing import describe_plugins
from studio_worker_core.roster.installed import find_candidates, normal_name
from studio_worker_core.roster.isolated import Description


def main() -> None:
    """Write the description; exits non-zero with a message when it cannot."""
    requirement, models_root, file = sys.argv[1:]
    host = HostInfo(API_VERSION, __version__, Path(models_root))
    found, _ = find_candidates(sys.path)
    plugins = describe_plugins(
        [c for c in found if normal_name(c.distribution) != "studio-worker"], host
    )
    description = Description(requirement, __version__, tuple(plugins))
    Path(file).write_bytes(msgspec.json.encode(description))


if __name__ == "__main__":
    main()
