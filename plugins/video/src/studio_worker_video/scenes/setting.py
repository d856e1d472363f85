"""What every scene is made from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from studio_worker_video.canvas import Canvas, Drift
from studio_worker_video.colours import Ramp


@dataclass(frozen=True)
class Setting:
    """Size, colours, chance and time of one clip."""

    width: int
    height: int
    ramp: Ramp
    rng: np.random.Generator
    seconds: float
    speed: float
    """1 is normal."""

    def canvas(self, detail: int = 320, top: int = 0) -> Canvas:
        """The grid, soft fields worked out at ``detail`` pixels for the shorter side; without
        the rows of the picture above ``top``."""
        return Canvas(self.width, self.height, detail, top)

    def cycles(self, per_second: float) -> int:
        """Whole repetitions over the clip at about this rate, at least 1: what makes the last
        frame run into the first."""
        return max(1, round(per_second * self.seconds * self.speed))

    def drift(self, canvas: Canvas, *, size: float, rate: float, slope: float = 2.6) -> Drift:
        """A field that changes at about ``rate`` rounds a second. In a clip too short for one
        round less of it moves, so that it does not hurry."""
        amount = min(1.0, 0.15 + 1.1 * rate * self.seconds * self.speed)
        cycles = self.cycles(rate)
        return Drift(canvas, self.rng, size=size, cycles=cycles, amount=amount, slope=slope)
