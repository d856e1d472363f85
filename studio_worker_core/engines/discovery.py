"""Finding the installed engine plugins, one by one."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping

from studio_worker_core.engines.roster import Roster
from studio_worker_core.plugin import HostInfo

__all__ = ["ALLOW_LIST_VARIABLE", "allowed_plugins", "discover"]

ALLOW_LIST_VARIABLE = "STUDIO_WORKER_PLUGINS"


def allowed_plugins(environ: Mapping[str, str] = os.environ) -> frozenset[str] | None:
    """The allow-list of ``STUDIO_WORKER_PLUGINS``: entry-point or distribution names with
    commas between. None when it is not set; set but empty allows the built-in ones only.
    """
    text = environ.get(ALLOW_LIST_VARIABLE)
    if text is None:
        return None
    return frozenset(name.strip() for name in text.split(",") if name.strip())


def discover(
    host: HostInfo,
    *,
    disabled: Collection[str] = (),
    allowed: Collection[str] | None = None,
) -> Roster:
    """Load every installed plugin of the group ``studio_worker``. Never raises."""
    raise NotImplementedError
