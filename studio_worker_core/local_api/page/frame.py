"""What is around every view of the worker's page: the rail, the head, the theme."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from studio_worker_core import __version__
from studio_worker_core.local_api.page.signing import PATH
from studio_worker_core.local_api.page.standing import Standing
from studio_worker_core.web.frame import Frame, Frames, links_below

_VIEWS = links_below(
    PATH,
    (
        ("create", "Create", "create"),
        ("jobs", "Jobs", "jobs"),
        ("models", "Models", "models"),
        ("worker", "Worker", "worker"),
        ("logs", "Logs", "logs"),
        ("config", "Config", "config"),
    ),
)
_FRAME = Frame(
    name="studio-worker",
    version=__version__,
    root=PATH,
    home=f"{PATH}/",
    styles=("views.css",),
    alive=f"{PATH}/alive",
)


def worker_frames(views: Collection[str]) -> Frames:
    """The frames of the worker's page; ``views`` are the names of the views that there are."""
    links = tuple(each for each in _VIEWS if each.name in views)
    return Frames(_FRAME, links, Path(__file__).parent, Standing("Ready", "good", "check"))
