"""The animated scenes. Each is made once from a :class:`Setting` and then draws any moment."""

from __future__ import annotations

from collections.abc import Callable

from studio_worker_video.canvas import Frame
from studio_worker_video.scenes.fluids import Fire, Flow, Kaleidoscope, Plasma
from studio_worker_video.scenes.particles import Bokeh, Rain, Snow, Starfield, Tunnel
from studio_worker_video.scenes.sea import Waves
from studio_worker_video.scenes.setting import Setting
from studio_worker_video.scenes.skies import Aurora, Clouds, Landscape

__all__ = ["SCENES", "Scene", "Setting"]

Scene = Callable[[float], Frame]
"""Draws the moment ``turn``: 0 is the start, 1 would be the start again."""

SCENES: dict[str, Callable[[Setting], Scene]] = {
    "aurora": Aurora,
    "clouds": Clouds,
    "fire": Fire,
    "flow": Flow,
    "kaleidoscope": Kaleidoscope,
    "landscape": Landscape,
    "bokeh": Bokeh,
    "plasma": Plasma,
    "rain": Rain,
    "snow": Snow,
    "starfield": Starfield,
    "tunnel": Tunnel,
    "waves": Waves,
}
"""Name → scene; the names are those of :data:`studio_worker_video.words.SCENE_HINTS`."""
