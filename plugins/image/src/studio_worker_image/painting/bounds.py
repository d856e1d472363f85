"""How much one job may ask for, and how the operator raises it."""

from __future__ import annotations

import os
from collections.abc import Mapping

from msgspec import Struct

from studio_worker_core.plugin import InvalidTask

__all__ = ["Bounds", "bounds_from"]

_VARIABLES = {
    "max_side": "STUDIO_WORKER_MAX_SIDE",
    "max_steps": "STUDIO_WORKER_MAX_STEPS",
    "max_prompt": "STUDIO_WORKER_MAX_PROMPT",
}


class Bounds(Struct, frozen=True):
    """The most of each that a job may ask for; 0 is no limit."""

    max_side: int = 2048
    """Pixels of the longer side (``STUDIO_WORKER_MAX_SIDE``)."""
    max_steps: int = 150
    """Steps (``STUDIO_WORKER_MAX_STEPS``)."""
    max_prompt: int = 20_000
    """Characters of a prompt (``STUDIO_WORKER_MAX_PROMPT``)."""

    def check(self, *, width: int, height: int, steps: int, prompts: tuple[str, ...]) -> None:
        """Refuse what is over a limit.

        Raises:
            InvalidTask: says what was asked, the limit, and the variable that raises it.
        """
        for name, side in (("width", width), ("height", height)):
            self._check("max_side", f"{name} {side} px", side)
        self._check("max_steps", f"{steps} steps", steps)
        for text in prompts:
            self._check("max_prompt", f"a prompt of {len(text)} characters", len(text))

    def _check(self, limit: str, asked: str, value: int) -> None:
        most: int = getattr(self, limit)
        if 0 < most < value:
            raise InvalidTask(
                f"{asked} is more than the {most} allowed here; set {_VARIABLES[limit]} in the "
                "worker's environment to allow more (0: no limit)"
            )


def bounds_from(environment: Mapping[str, str] = os.environ) -> Bounds:
    """The bounds as the environment sets them.

    Raises:
        InvalidTask: a variable is no whole number.
    """
    found: dict[str, int] = {}
    for field, variable in _VARIABLES.items():
        text = environment.get(variable, "").strip()
        if not text:
            continue
        if not text.isascii() or not text.isdigit():
            raise InvalidTask(f"{variable}={text[:40]!r} is no whole number of 0 or more")
        found[field] = int(text)
    return Bounds(**found)
