"""A camera that moves over a still picture (the Ken Burns effect)."""

from __future__ import annotations

import numpy as np
from msgspec import Struct
from PIL import Image

from studio_worker_video.canvas import Frame
from studio_worker_video.reading import Recipe

_SPARE = 1.6
"""The picture is kept at most this much finer than the closest view needs."""


class View(Struct, frozen=True):
    """Where the camera looks: middle from 0 to 1 in the picture, and how close.

    A ``zoom`` of 1 shows as much of the picture as fits the frame.
    """

    x: float
    y: float
    zoom: float


def path_of(
    recipe: Recipe, picture: Image.Image, size: tuple[int, int], seconds: float
) -> tuple[View, View]:
    """Where the camera starts and ends: as the prompt's words say, else as its seed does.

    A zoom without further words goes to (or comes from) the part with the most detail.
    """
    rng = np.random.default_rng(recipe.seed)
    moves = set(recipe.moves)
    if not moves:
        moves = {("zoom in", "zoom out")[int(rng.integers(2))]}
        if rng.random() < 0.5:
            moves.add(("pan left", "pan right", "pan up", "pan down")[int(rng.integers(4))])
    close = 1 + min(0.12 + 0.05 * seconds, 0.45) * recipe.speed
    pans = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)}
    way = [pans[move.removeprefix("pan ")] for move in sorted(moves) if move.startswith("pan ")]
    dx, dy = (sum(step) for step in zip(*way, strict=True)) if way else (0, 0)
    reach = 0.5 * min(1.0, 0.4 + 0.15 * seconds * recipe.speed)
    # Over a panorama no faster than about a third of the frame's breadth a second.
    shapes = picture.width / picture.height, size[0] / size[1]
    hidden = 1.18 * max(shapes) / min(shapes) - 1
    reach = min(reach, 0.5 * (0.3 + 0.35 * seconds * recipe.speed) / hidden)
    if dx or dy:
        start, end = (0.5 - reach * dx, 0.5 - reach * dy), (0.5 + reach * dx, 0.5 + reach * dy)
        if "zoom in" in moves:
            return View(*start, 1.08), View(*end, close + 0.08)
        if "zoom out" in moves:
            return View(*start, close + 0.08), View(*end, 1.08)
        return View(*start, 1.18), View(*end, 1.18)
    focus = _focus(picture)
    if "zoom out" in moves:
        return View(*focus, close), View(0.5, 0.5, 1.0)
    return View(0.5, 0.5, 1.0), View(*focus, close)


def _focus(picture: Image.Image) -> tuple[float, float]:
    """The middle of the picture's detail, pulled towards the middle of the picture."""
    small = np.asarray(picture.convert("L").resize((48, 48), Image.Resampling.BOX), np.float64)
    detail = np.abs(np.gradient(small)[0]) + np.abs(np.gradient(small)[1])
    detail = np.maximum(detail - detail.mean(), 0)
    if not detail.sum():
        return 0.5, 0.5
    at = (np.arange(48) + 0.5) / 48
    x = float((detail.sum(axis=0) * at).sum() / detail.sum())
    y = float((detail.sum(axis=1) * at).sum() / detail.sum())
    return min(max(x, 0.3), 0.7), min(max(y, 0.3), 0.7)


class Camera:
    """Draws what the camera sees at any moment of its way.

    :param there_and_back: end where it began, for a file that repeats.
    """

    def __init__(
        self,
        picture: Image.Image,
        width: int,
        height: int,
        path: tuple[View, View],
        *,
        there_and_back: bool = False,
    ) -> None:
        self._size = width, height
        self._start, self._end = path
        self._there_and_back = there_and_back
        closest = max(view.zoom for view in path)
        # Pixels of the picture that one pixel of the frame covers at the closest view.
        fineness = min(picture.width / width, picture.height / height) / closest
        if fineness > _SPARE:
            factor = _SPARE / fineness
            size = [max(1, round(side * factor)) for side in picture.size]
            picture = picture.resize((size[0], size[1]), Image.Resampling.LANCZOS)
        self._picture = picture

    def box(self, turn: float) -> tuple[float, float, float, float]:
        """The part (left, top, right, bottom) of the kept picture seen at ``turn``, 0 to 1."""
        part = 1 - abs(2 * turn - 1) if self._there_and_back else turn
        part = 0.5 - 0.5 * np.cos(np.pi * min(max(part, 0.0), 1.0))
        one, two = self._start, self._end
        # Equal steps look equal when each is the same factor.
        zoom = one.zoom * (two.zoom / one.zoom) ** part
        # In a zoom the view's middle moves with its breadth, so that one point stands still.
        breadths = 1 / one.zoom, 1 / two.zoom
        if abs(breadths[0] - breadths[1]) > 1e-6:
            part = (breadths[0] - 1 / zoom) / (breadths[0] - breadths[1])
        x, y = one.x + (two.x - one.x) * part, one.y + (two.y - one.y) * part
        whole_width, whole_height = self._picture.size
        scale = min(whole_width / self._size[0], whole_height / self._size[1]) / zoom
        wide, tall = self._size[0] * scale, self._size[1] * scale
        left, top = max(x * (whole_width - wide), 0), max(y * (whole_height - tall), 0)
        return left, top, min(left + wide, whole_width), min(top + tall, whole_height)

    def __call__(self, turn: float) -> Frame:
        # resize with a box of fractions: exact between pixels and free of aliasing.
        view = self._picture.resize(self._size, Image.Resampling.BICUBIC, box=self.box(turn))
        return np.asarray(view)
