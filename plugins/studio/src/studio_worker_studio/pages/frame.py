"""What is around every view of the studio's pages: the rail, the head, the theme."""

from __future__ import annotations

from pathlib import Path

from studio_worker_core.web.frame import Frame, Frames, links_below
from studio_worker_studio import __version__
from studio_worker_studio.pages.entrance import PATH
from studio_worker_studio.pages.standing import Standing
from studio_worker_studio.pages.words import KINDS, SIGNS

_VIEWS = links_below(
    PATH,
    (
        ("overview", "Overview", "eye"),
        ("queue", "Queue", "jobs"),
        ("gallery", "Gallery", "image"),
        ("workers", "Workers", "worker"),
        ("pending", "Pending", "clock"),
        ("models", "Models", "models"),
        ("logs", "Logs", "logs"),
    ),
)
_FRAME = Frame(
    name="studio",
    version=__version__,
    root=PATH,
    home=f"{PATH}/",
    styles=("studio.css",),
    alive=f"{PATH}/alive",
    sign_in="sign in again in another tab, then reload this page",
)


def studio_frames() -> Frames:
    """The frames of the studio's pages."""
    here = Path(__file__).parent
    return Frames(_FRAME, _VIEWS, here, Standing(), kinds=KINDS, signs=SIGNS)
