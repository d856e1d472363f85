"""How much one job may ask for, and how the operator raises it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from studio_worker_core.pictures.limits import PictureLimits


class Bounds(PictureLimits, frozen=True):
    """The most of each that a job may ask for; 0 is no limit."""

    VARIABLES: ClassVar[Mapping[str, str]] = {
        "max_side": "STUDIO_WORKER_MAX_SIDE",
        "max_steps": "STUDIO_WORKER_MAX_STEPS",
        "max_prompt": "STUDIO_WORKER_MAX_PROMPT",
    }

    max_side: int = 2048
    """Pixels of the longer side."""
    max_steps: int = 150
    max_prompt: int = 20_000
    """Characters of a prompt."""

    def check(self, *, width: int, height: int, steps: int, prompts: tuple[str, ...]) -> None:
        """Refuse what is over a limit.

        Raises:
            InvalidTask: says what was asked, the limit, and the variable that raises it.
        """
        for name, side in (("width", width), ("height", height)):
            self.refuse_over("max_side", f"{name} {side} px", side)
        self.refuse_over("max_steps", f"{steps} steps", steps)
        for text in prompts:
            self.refuse_over("max_prompt", f"a prompt of {len(text)} characters", len(text))
