"""The engine ``hills``: ridges behind ridges, each paler than the one before it."""

from __future__ import annotations

import math
import random
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image, ImageDraw

from studio_worker_core.plugin import Engine, ImageTask, InvalidTask, Job, Model

MOST_SIDE = 4096
RIDGES = 7
SMOOTHED_PIXELS = 2_000_000
"""Pictures up to this size are drawn at twice their sides, so that ridges have no steps."""

Colour = tuple[int, int, int]


class Light(NamedTuple):
    """The colours of an hour."""

    zenith: Colour
    horizon: Colour
    near: Colour
    sun: Colour


LIGHTS = {
    "dawn": Light((72, 86, 148), (255, 190, 150), (34, 28, 62), (255, 232, 196)),
    "noon": Light((64, 140, 210), (214, 236, 246), (28, 74, 62), (255, 252, 232)),
    "dusk": Light((44, 32, 84), (250, 128, 84), (30, 16, 40), (255, 206, 120)),
    "night": Light((8, 12, 34), (52, 66, 112), (6, 8, 20), (232, 236, 250)),
}


class HillsEngine(Engine):
    """Made once in a process of its own; ``load`` comes before the first job."""

    def __init__(self) -> None:
        self._hour: str | None = None

    def load(self, model: Model) -> None:
        """Take the hour from the model's name; a real engine reads ``model.files`` here."""
        self._hour = "night" if model.name == "hills-night" else None

    def generate(self, job: Job[Any]) -> Path:
        """Draw the hills.

        Raises:
            InvalidTask: the picture asked for is too large.
            JobCancelled: somebody asked for it to stop.
        """
        task: ImageTask = job.task
        if max(task.width, task.height) > MOST_SIDE:
            raise InvalidTask(
                f"{task.width}×{task.height} pixels are too many; at most {MOST_SIDE} a side"
            )
        # The same prompt and seed give the same picture, on every machine and in every process.
        dice = random.Random(f"{task.prompt}/{task.seed}")  # noqa: S311 - hills, no secrets
        light = LIGHTS[self._hour or hour_in(task.prompt) or dice.choice(list(LIGHTS))]
        scale = 2 if task.width * task.height <= SMOOTHED_PIXELS else 1
        picture = sky(task.width * scale, task.height * scale, light, dice)
        for number in range(RIDGES):
            job.check_cancelled()
            job.progress(number / RIDGES, f"ridge {number + 1} of {RIDGES}")
            draw_ridge(picture, number / (RIDGES - 1), light, dice)
        # The extension is a wish: answer in it if you can, in your own format otherwise.
        path = job.output("png" if task.ext.lower() == "png" else "webp")
        picture.resize((task.width, task.height), Image.Resampling.BOX).save(path)
        job.progress(1.0)
        return path


def hour_in(prompt: str) -> str | None:
    """The hour a prompt names first."""
    return next((word for word in prompt.lower().split() if word in LIGHTS), None)


def sky(width: int, height: int, light: Light, dice: random.Random) -> Image.Image:
    """A sky that pales towards the horizon, with its sun or moon."""
    column = Image.new("RGB", (1, 64))
    column.putdata([mix(light.zenith, light.horizon, y / 63) for y in range(64)])
    picture = column.resize((width, height), Image.Resampling.BILINEAR)
    x, y = dice.uniform(0.2, 0.8) * width, dice.uniform(0.15, 0.4) * height
    radius = min(width, height) * dice.uniform(0.05, 0.09)
    draw = ImageDraw.Draw(picture)
    for ring in range(12, 0, -1):
        size = radius * (1 + (ring / 12) ** 2 * 1.5) if ring > 1 else radius
        behind = mix(light.zenith, light.horizon, min(max(y / height, 0), 1))
        draw.ellipse(
            (x - size, y - size, x + size, y + size),
            mix(light.sun, behind, ((ring - 1) / 12) ** 0.4),
        )
    return picture


def draw_ridge(picture: Image.Image, nearness: float, light: Light, dice: random.Random) -> None:
    """One ridge from side to side; ``nearness`` 0 is the farthest, 1 the nearest."""
    width, height = picture.size
    waves = [
        (dice.uniform(0.6, 1.6) * 2**octave, dice.uniform(0, math.tau), 0.55**octave)
        for octave in range(6)
    ]
    base, tall = 0.42 + 0.45 * nearness, 0.05 + 0.05 * nearness
    step = max(width // 512, 1)
    outline = [
        (
            float(x),
            height
            * (base - tall * sum(a * math.sin(math.tau * f * x / width + p) for f, p, a in waves)),
        )
        for x in range(0, width + step, step)
    ]
    mist = mix(light.horizon, light.near, 0.15 + 0.85 * nearness)
    ImageDraw.Draw(picture).polygon([(0.0, float(height)), *outline, (width, height)], mist)


def mix(one: Colour, other: Colour, share: float) -> Colour:
    """A colour between two; ``share`` 0 is ``one``, 1 is ``other``."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue
