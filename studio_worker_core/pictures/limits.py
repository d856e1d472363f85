"""How much one job may ask for, how the operator raises it, and the size a job gets."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import ClassVar, Self

from msgspec import Struct
from msgspec.structs import fields

from studio_worker_core.errors import InvalidTask
from studio_worker_core.wire.models import CliDefaults
from studio_worker_core.wire.tasks import ImageTask, VideoTask

__all__ = ["PictureLimits", "size_of"]


class PictureLimits(Struct, frozen=True):
    """The most of each that a job may ask for, a field each; 0 is no limit."""

    VARIABLES: ClassVar[Mapping[str, str]] = {}
    """Field → the environment variable that sets it."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """The limits as the environment sets them.

        Raises:
            InvalidTask: a variable is no whole number.
        """
        found: dict[str, int] = {}
        for field, variable in cls.VARIABLES.items():
            text = environment.get(variable, "").strip()
            if not text:
                continue
            if not text.isascii() or not text.isdigit():
                raise InvalidTask(f"{variable}={text[:40]!r} is no whole number of 0 or more")
            found[field] = int(text)
        return cls(**found)

    def refuse_over(self, limit: str, asked: str, value: float) -> None:
        """Refuse ``value`` where it is over a limit.

        :param limit: the field's name.
        :param asked: what was asked for, as it is told: ``"width 4096 px"``.

        Raises:
            InvalidTask: says what was asked, the limit, and the variable that raises it.
        """
        most: int = getattr(self, limit)
        if 0 < most < value:
            raise InvalidTask(
                f"{asked} is more than the {most} allowed here; set {self.VARIABLES[limit]} in the "
                "worker's environment to allow more (0: no limit)"
            )


def size_of(task: ImageTask | VideoTask, defaults: CliDefaults) -> tuple[int, int]:
    """Width and height in pixels: the model's, where the task leaves both to it.

    A task that spells out the protocol's own size (§3) cannot be told from one that leaves it
    out. A task that names either side keeps both, so that its shape is never changed.
    """
    own = {field.name: field.default for field in fields(type(task))}
    if (task.width, task.height) != (own["width"], own["height"]):
        return task.width, task.height
    return defaults.width or task.width, defaults.height or task.height
